# export-directory.ps1 - writes the recipients of this organization as a table (CSV): which address
# belongs to whom, and in which forest that mailbox lives. Exchange 2007 and 2010. For Exchange 2000
# and 2003 there is export-directory.cmd; both write the same columns (README.md says why each).
#
# It only reads Exchange, and asks for nothing but addresses and their places: no password, no
# telephone number.
#
# PARAMETERS
#   -OutFile <path>      default: directory.csv beside this script. The table that stood there
#                        stays as <path>.old
#   -Encoding <name>     UTF8 (default) or Unicode (UTF-16); both with byte order mark. Not ASCII,
#                        which Export-Csv takes by itself: it turns umlauts into question marks.
#   -NoPublicFolders     leaves them out: for an organization that has none, or for an account that
#                        may not read them
#   -LogFile <path>      default: export-directory.log beside this script
#   -MaxLogKB <number>   size at which the log is put aside as .1; default 1024
#   -WhatIf              reads and counts, writes no file
#
# EXIT CODE
#   0  the table is complete
#   1  recipients could not be read or the file not be written; the log says which, and the old table
#      still stands: half a table would send mail to the wrong forest
#   2  could not begin: bad parameter, no Exchange cmdlets, another run going on
#
# The shell shows the recipients of its own domain only, unless it was told to look at the whole
# forest: with several domains run it once in each (check on your system).
#
# EXAMPLE
#   .\export-directory.ps1 -OutFile 'D:\gateway\foresta.csv'

param(
    [string]$OutFile,
    [string]$Encoding = 'UTF8',
    [switch]$NoPublicFolders,
    [string]$LogFile,
    [int]$MaxLogKB = 1024,
    [switch]$WhatIf
)

$folder = Split-Path -Parent $MyInvocation.MyCommand.Path
$unknown = $args
. (Join-Path $folder 'common.ps1')

# Whatever nobody foresaw ends here, and never as a success.
trap {
    Write-Log 'failed' ('unexpected: ' + (Get-ErrorText $_))
    Close-Lock
    exit 2
}

$script:rows = 0
$script:failed = 0

# What is wrong with the parameters; empty = nothing.
function Get-Complaint {
    if ($unknown.Count -gt 0) { return 'unknown parameter: ' + [string]$unknown[0] }
    if ($Encoding -ne 'UTF8' -and $Encoding -ne 'Unicode') { return '-Encoding is UTF8 or Unicode' }
    if ($MaxLogKB -lt 1) { return '-MaxLogKB must be at least 1' }
    return ''
}

# Export-Csv prints the type's name for a list. Joined with | because X.400 addresses are full of
# semicolons; a | or % within an address becomes %7C or %25.
function Join-Addresses($addresses) {
    $texts = @($addresses | Where-Object { $_ -ne $null } | ForEach-Object {
        ([string]$_).Replace('%', '%25').Replace('|', '%7C')
    })
    return [string]::Join('|', [string[]]$texts)
}

# The columns, named after the attributes that ldifde exports.
$columns = @(
    @{ Name = 'dn'; Expression = { [string]$_.DistinguishedName } },
    @{ Name = 'objectClass'; Expression = { [string]$_.RecipientType } },
    @{ Name = 'mail'; Expression = { [string]$_.PrimarySmtpAddress } },
    @{ Name = 'proxyAddresses'; Expression = { Join-Addresses $_.EmailAddresses } },
    @{ Name = 'targetAddress'; Expression = { [string]$_.ExternalEmailAddress } },
    @{ Name = 'legacyExchangeDN'; Expression = { [string]$_.LegacyExchangeDN } },
    @{ Name = 'mailNickname'; Expression = { [string]$_.Alias } },
    @{ Name = 'displayName'; Expression = { [string]$_.DisplayName } },
    @{ Name = 'homeMDB'; Expression = { [string]$_.Database } },
    @{ Name = 'msExchHomeServerName'; Expression = { [string]$_.ServerName } },
    @{ Name = 'msExchMailboxGuid'; Expression = { [string]$_.ExchangeGuid } },
    @{ Name = 'msExchHideFromAddressLists'; Expression = { [string]$_.HiddenFromAddressListsEnabled } }
)

# Emits the recipients of one kind; what goes wrong is logged and counted. Without -ResultSize
# Unlimited each cmdlet stops after 1000. PowerShell 1.0 has no try: an error that ends the cmdlet
# comes to the trap, any other one to $problems.
function Find-Recipients([string]$kind) {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $problems = @()
    switch ($kind) {
        'mailboxes' { Get-Mailbox -ResultSize Unlimited -ErrorAction SilentlyContinue -ErrorVariable problems }
        'mail users' { Get-MailUser -ResultSize Unlimited -ErrorAction SilentlyContinue -ErrorVariable problems }
        'mail contacts' { Get-MailContact -ResultSize Unlimited -ErrorAction SilentlyContinue -ErrorVariable problems }
        'distribution groups' { Get-DistributionGroup -ResultSize Unlimited -ErrorAction SilentlyContinue -ErrorVariable problems }
        'dynamic distribution groups' { Get-DynamicDistributionGroup -ResultSize Unlimited -ErrorAction SilentlyContinue -ErrorVariable problems }
        'public folders' { Get-MailPublicFolder -ResultSize Unlimited -ErrorAction SilentlyContinue -ErrorVariable problems }
    }
    if ($problems.Count -gt 0 -and $script:mishap -eq '') { $script:mishap = Get-ErrorText $problems[0] }
    if ($script:mishap -ne '') {
        $script:failed++
        Write-Log 'failed' ($kind + ': ' + $script:mishap)
    }
}

# Emits one row for each recipient, one after the other: a large directory never lies in memory.
function Get-Rows {
    foreach ($kind in 'mailboxes', 'mail users', 'mail contacts', 'distribution groups',
                      'dynamic distribution groups', 'public folders') {
        if ($NoPublicFolders -and $kind -eq 'public folders') { continue }
        Find-Recipients $kind | Select-Object -Property $columns | ForEach-Object { $script:rows++; $_ }
    }
}

# Writes the rows to $path. -NoTypeInformation: no #TYPE line before the header.
function Write-Table([string]$path) {
    trap { $script:failed++; Write-Log 'failed' ($path + ': ' + (Get-ErrorText $_)); continue }
    if ($WhatIf) { Get-Rows | Out-Null }
    else { Get-Rows | Export-Csv -Path $path -Encoding $Encoding -NoTypeInformation -Force }
}

# Puts the finished table in the place of the old one, which stays as .old: whoever reads at that
# moment sees the one or the other, never half of one.
function Move-Table([string]$from, [string]$to) {
    trap { $script:failed++; Write-Log 'failed' ($to + ': ' + (Get-ErrorText $_)); continue }
    if ([System.IO.File]::Exists($to)) { [System.IO.File]::Replace($from, $to, $to + '.old') }
    else { [System.IO.File]::Move($from, $to) }
}

$complaint = Get-Complaint
if ($complaint -ne '') {
    Write-Log 'failed' $complaint
    exit 2
}
if ($OutFile -eq '') { $OutFile = Join-Path $folder 'directory.csv' }
if ($LogFile -eq '') { $LogFile = Join-Path $folder 'export-directory.log' }
if (-not $WhatIf -and -not (Open-Log $LogFile $MaxLogKB)) {
    Write-Log 'failed' ('cannot write ' + $LogFile + ': ' + $script:mishap)
    exit 2
}
if (-not $WhatIf -and -not (Open-Lock (Join-Path $folder 'export-directory.lock'))) {
    Write-Log 'failed' ('another run is going on, or the lock file cannot be opened: ' + $script:mishap)
    exit 2
}
if (-not (Connect-Exchange)) {
    Write-Log 'failed' 'no Exchange cmdlets: run this where the Exchange management tools are, in a 64-bit PowerShell'
    Close-Lock
    exit 2
}
$OutFile = Get-FullPath $OutFile
Write-Table ($OutFile + '.new')
if ($script:rows -eq 0) {
    # An Exchange without a single recipient does not exist: the account sees nothing.
    $script:failed++
    Write-Log 'failed' 'no recipient at all was found'
}
if (-not $WhatIf -and $script:failed -eq 0) { Move-Table ($OutFile + '.new') $OutFile }
Close-Lock
$word = 'recipients written to '
if ($WhatIf) { $word = 'recipients would be written to ' }
if ($script:failed -gt 0) {
    Write-Log 'end' ([string]$script:rows + ' recipients read, failed ' + $script:failed + ', left as it was: ' + $OutFile)
    exit 1
}
Write-Log 'end' ([string]$script:rows + ' ' + $word + $OutFile)
exit 0
