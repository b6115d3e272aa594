# Run this in the Exchange Management Shell. It changes nothing: it writes what is there to
# a file, which forestgate exchange-setup --verify FILE reads. Lines must not be cut, nor
# lists: hence the width and $FormatEnumerationLimit.
$FormatEnumerationLimit = -1
$File = Join-Path $env:TEMP 'forestgate-verify.txt'
$Rights = 'Identity', 'User', 'Deny', 'Inherited', 'AccessRights', 'ExtendedRights'
$Send = Get-SendConnector
$Receive = Get-ReceiveConnector
# A comment of several lines would look like the end of a connector.
$Send | Select-Object * -ExcludeProperty Comment | Format-List * |
    Out-File $File -Width 4096
$Receive | Select-Object * -ExcludeProperty Comment | Format-List * |
    Out-File $File -Width 4096 -Append
$Send | Get-ADPermission | Format-List $Rights | Out-File $File -Width 4096 -Append
$Receive | Get-ADPermission | Format-List $Rights | Out-File $File -Width 4096 -Append
Get-TransportConfig | Format-List * | Out-File $File -Width 4096 -Append
Get-AcceptedDomain | Format-List * | Out-File $File -Width 4096 -Append
Get-RemoteDomain | Format-List * | Out-File $File -Width 4096 -Append
Get-ExchangeCertificate | Format-List * | Out-File $File -Width 4096 -Append
Write-Host "Now bring $File to the gateway."
#
# Get-ExchangeCertificate shows the certificates of the server that it runs on. Run these two
# lines on each of these servers as well, and put the files together:
#
#     bh1.contoso.example
#     bh2.contoso.example
#
# $FormatEnumerationLimit = -1
# Get-ExchangeCertificate | Format-List * | Out-File "$env:TEMP\$env:COMPUTERNAME.txt" -Width 4096
