# --------------------------------------------------------------------------------------------------
# Exchange Server 2007 of forest contoso: mail through gw.contoso.example
#
# Forest contoso and these forests send each other mail through gw.contoso.example: fabrikam. This
# makes what the gateway's configuration expects of this organization, and no more.
#
# Save it as exchange-setup.ps1 and run it in the Exchange Management Shell of this version. First
# look at what it would change, which changes and asks nothing:
#
#     .\exchange-setup.ps1 -WhatIf
#
# then without -WhatIf. It may be run again at any time, with the same parameters: one that is left
# out has its default again, and what was made with another value is set back to that. What is right
# already is left alone. The first failure stops it with a sentence and exit code 1; steps above
# that one stay done, and a further run goes on from there.
#
# "Check on your system" marks what the authors of the gateway have read or concluded but not seen
# on a server.
# --------------------------------------------------------------------------------------------------
param(
    # the Exchange servers, by name or Fqdn, behind the hosts of the gateway's send connector
    # contoso-bridgeheads
    [string[]]$Server = @('bh1.contoso.example', 'bh2.contoso.example'),

    # the Hub Transport servers that send to the gateway; none given: all those that receive from it
    [string[]]$SourceServer = @(),

    # the addresses from which the gateway connects to these servers, as they see them. PROPOSAL:
    # these are the addresses on which the gateway listens; give others if it connects from others
    [string[]]$GatewayAddress = @('10.1.0.5'),

    # the distinguished name of the OU in which the service account is made; none given: it must
    # exist
    [string]$AccountContainer = '',

    # a file (.cer) with the root certificate that the gateway's certificate is signed by, or with
    # that itself if it is self-signed; none given: it is trusted already
    [string]$GatewayCertificateFile = '',

    # ask for the password of the Send connector again
    [switch]$NewPassword,

    # change accepted domains that exist with another type than they should
    [switch]$ChangeDomainType,

    # Verbose on the first day, None afterwards
    [string]$ProtocolLogging = 'Verbose',

    # Say what would be changed, and change nothing.
    [switch]$WhatIf
)

$Step = 0
$PreferenceBefore = $global:ErrorActionPreference
$global:ErrorActionPreference = 'Stop'

trap {
    Write-Host ''
    Write-Host ('STOPPED in step {0}: {1}' -f $Step, $_.Exception.Message)
    Write-Host 'Nothing after that was done. Repair it and run the script again.'
    $global:ErrorActionPreference = $PreferenceBefore
    exit 1
}

if ($args.Count -gt 0) {
    throw ('This script has no parameter {0}. Nothing was done.' -f "$($args[0])")
}

$Product = 'Exchange Server 2007'
$VersionPattern = '^Version 8\.'

$Changes = 0
$Concerns = @()

function Write-Right([string]$Text) {
    Write-Host ('  right already: ' + $Text)
}

function Write-Change([string]$Text) {
    $script:Changes = $script:Changes + 1
    if ($WhatIf) {
        Write-Host ('  would change:  ' + $Text)
    } else {
        Write-Host ('  changed:       ' + $Text)
    }
}

function Write-Concern([string]$Text) {
    $script:Concerns += @($Text)
    Write-Host ('  LOOK AT THIS:  ' + $Text)
}

# Values as one text: without order, case and blanks.
function ConvertTo-Line($Values) {
    $texts = @($Values | ForEach-Object { "$_".ToLower().Replace(' ', '') } | Sort-Object)
    [string]::Join(',', [string[]]$texts)
}

# '10MB' and '10 MB (10,485,760 bytes)' as a number; unlimited, or what is not understood,
# is -1.
function ConvertTo-Octets($Size) {
    $units = @{ 'B' = 1; 'KB' = 1024; 'MB' = 1048576; 'GB' = 1073741824 }
    if ("$Size" -match '\(([^)]*)bytes\)') {
        [double]($matches[1] -replace '[^0-9]', '')
    } elseif ("$Size" -match '^ *([0-9]+) *(B|KB|MB|GB) *$') {
        [double]$matches[1] * $units[$matches[2]]
    } elseif ("$Size" -match '^ *([0-9]+) *$') {
        [double]$matches[1]
    } else {
        -1
    }
}

function Test-Same($Left, $Right) {
    (ConvertTo-Line $Left) -eq (ConvertTo-Line $Right)
}

# Servers by name or Fqdn: Hub Transport servers of the version that this was written for.
function Find-Hub([string[]]$Wanted) {
    $all = @(Get-ExchangeServer)
    foreach ($one in $Wanted) {
        $found = @($all | Where-Object { ("$($_.Fqdn)" -eq $one) -or ("$($_.Name)" -eq $one) })
        if ($found.Count -ne 1) {
            $names = [string]::Join(', ', [string[]]@($all | ForEach-Object { "$($_.Fqdn)" }))
            throw ('No Exchange server is called {0}: name the servers on the command line. There are: {1}' -f $one, $names)
        }
        if ("$($found[0].AdminDisplayVersion)" -notmatch $VersionPattern) {
            throw ('{0} is {1}: this script is for {2} alone: leave it out (at the gateway: --connector).' -f $one, $found[0].AdminDisplayVersion, $Product)
        }
        if ("$($found[0].IsHubTransportServer)" -ne 'True') {
            throw ('{0} has no Hub Transport role.' -f $one)
        }
        $found[0]
    }
}

# The account as DOMAIN\name, whatever form of its name was given; nothing: there is none.
function Find-Account([string]$Name) {
    trap { continue }
    $user = $null
    $user = Get-User -Identity $Name -ErrorAction SilentlyContinue
    if ($user) {
        $sid = New-Object System.Security.Principal.SecurityIdentifier -ArgumentList "$($user.Sid)"
        $sid.Translate([System.Security.Principal.NTAccount]).Value
    }
}

function Get-Right([string]$Object, [string]$Who, [string]$Deny) {
    Get-ADPermission -Identity $Object -User $Who |
        Where-Object { "$($_.Deny)" -eq $Deny } |
        ForEach-Object { $_.ExtendedRights } |
        ForEach-Object { "$_" }
}

# Grant what is missing, one by one: $Rights is a list of name and reason.
function Grant-Right([string]$Object, [string]$Who, $Rights) {
    $held = @(Get-Right $Object $Who 'False')
    $denied = @(Get-Right $Object $Who 'True')
    foreach ($right in $Rights) {
        if ($denied -contains $right[0]) {
            Write-Concern ('{0} is denied to {1}, which wins over granting it.' -f $right[0], $Who)
        }
        if ($held -contains $right[0]) {
            Write-Right ('{0} for {1}' -f $right[0], $Who)
            continue
        }
        Write-Change ('{0} for {1}: {2}' -f $right[0], $Who, $right[1])
        Add-ADPermission -Identity $Object -User $Who -ExtendedRights $right[0] -WhatIf:$WhatIf | Out-Null
    }
}

function Find-Accepted([string]$Domain) {
    Get-AcceptedDomain | Where-Object { "$($_.DomainName)" -eq $Domain }
}

function Set-Accepted([string]$Domain, [string]$Name, [string]$Type) {
    $found = @(Find-Accepted $Domain)
    if ($found.Count -eq 0) {
        Write-Change ('{0}: new accepted domain, {1}' -f $Domain, $Type)
        New-AcceptedDomain -Name $Name -DomainName $Domain -DomainType $Type -WhatIf:$WhatIf | Out-Null
    } elseif ("$($found[0].DomainType)" -ne $Type) {
        if (-not $ChangeDomainType) {
            Write-Concern ('{0} is {1} and should be {2}: left as it is. Authoritative: recipients that are not here get a non-delivery report. Relay: they are sent on. Run this with -ChangeDomainType once that is wanted.' -f $Domain, $found[0].DomainType, $Type)
            return
        }
        Write-Change ('{0}: {1}, was {2}' -f $Domain, $Type, $found[0].DomainType)
        Set-AcceptedDomain -Identity "$($found[0].Identity)" -DomainType $Type -WhatIf:$WhatIf
    } else {
        Write-Right ('{0}: {1}' -f $Domain, $Type)
    }
}

function Find-Remote([string]$Domain) {
    Get-RemoteDomain | Where-Object { "$($_.DomainName)" -eq $Domain }
}

function Set-Remote([string]$Domain, [string]$Name) {
    $found = @(Find-Remote $Domain)
    if (($found.Count -eq 0) -and (@(Find-Accepted $Domain).Count -gt 0)) {
        Write-Concern ('{0} is an accepted domain here, which can have no remote domain: the default one holds for it.' -f $Domain)
        return
    }
    if ($found.Count -eq 0) {
        Write-Change ('{0}: new remote domain' -f $Domain)
        New-RemoteDomain -Name $Name -DomainName $Domain -WhatIf:$WhatIf | Out-Null
        if ($WhatIf) {
            return
        }
        $found = @(Find-Remote $Domain)
    }
    $one = $found[0]
    $is = @($one.AllowedOOFType, $one.AutoReplyEnabled, $one.AutoForwardEnabled,
        $one.DeliveryReportEnabled, $one.NDREnabled, $one.TNEFEnabled)
    if (Test-Same $is @('InternalLegacy', $true, $true, $true, $true, $true)) {
        Write-Right ('{0}: remote domain' -f $Domain)
        return
    }
    Write-Change ('{0}: replies, forwards, reports and rich text, was {1}' -f $Domain, [string]::Join(' ', [string[]]@($is | ForEach-Object { "$_" })))
    Set-RemoteDomain -Identity "$($found[0].Identity)" `
        -AllowedOOFType InternalLegacy -AutoReplyEnabled $true -AutoForwardEnabled $true `
        -DeliveryReportEnabled $true -NDREnabled $true -TNEFEnabled $true -WhatIf:$WhatIf
}

# The connectors of one server, which their identity begins with: SERVER\Name.
function Get-Receive($Server) {
    Get-ReceiveConnector | Where-Object { "$($_.Identity)".Split('\')[0] -eq $Server.Name }
}

function Find-Receive($Server, [string]$Name) {
    Get-Receive $Server | Where-Object { "$($_.Name)" -eq $Name }
}

# Exchange asks the connector with the most specific addresses and no other: two for the
# same ones cannot be.
function Test-Overlap($Server, $Want) {
    foreach ($other in @(Get-Receive $Server)) {
        if ("$($other.Name)" -eq $Want.Name) {
            continue
        }
        $ports = @($other.Bindings | Where-Object { "$_".EndsWith(':' + $Want.Port) })
        if ($ports.Count -eq 0) {
            continue
        }
        $ranges = @($other.RemoteIPRanges | Where-Object { $GatewayAddress -contains "$_" })
        if ($ranges.Count -gt 0) {
            Write-Concern ('connector {0} is for {1} already: remove it or take that address out of it, else the gateway may meet it.' -f $other.Identity, $ranges[0])
        }
        $bound = @($ports | Where-Object { -not ("$_".StartsWith('0.0.0.0:') -or "$_".StartsWith('[::]:')) })
        if ($bound.Count -gt 0) {
            Write-Concern ('connector {0} is bound to {1} alone: if the gateway connects to that address it meets that connector.' -f $other.Identity, $bound[0])
        }
    }
}

# The names of the settings that are not what they must be.
function Compare-Receive($Is, $Want, $Bindings, [string]$Fqdn) {
    if (-not (Test-Same $Is.Bindings $Bindings)) { 'Bindings' }
    if (-not (Test-Same $Is.RemoteIPRanges $GatewayAddress)) { 'RemoteIPRanges' }
    if (-not (Test-Same ("$($Is.AuthMechanism)".Split(',')) ($Want.Mechanism.Split(',')))) { 'AuthMechanism' }
    if ("$($Is.RequireTLS)" -ne 'True') { 'RequireTLS' }
    if ("$($Is.Fqdn)" -ne $Fqdn) { 'Fqdn' }
    if ("$($Is.ConnectionTimeout)" -ne $Want.Timeout) { 'ConnectionTimeout' }
    if ("$($Is.ProtocolLoggingLevel)" -ne $ProtocolLogging) { 'ProtocolLoggingLevel' }
    if ("$($Is.Enabled)" -ne 'True') { 'Enabled' }
}

# Limits are raised to what the gateway needs; a wider one is somebody's decision.
function Set-Limit($Is, $Want) {
    $id = "$($Is.Identity)"
    $octets = ConvertTo-Octets $Is.MaxMessageSize
    if (($octets -ge 0) -and ($octets -lt (ConvertTo-Octets $Want.Size))) {
        Write-Change ('{0}: MaxMessageSize {1}, was {2}' -f $id, $Want.Size, $Is.MaxMessageSize)
        Set-ReceiveConnector -Identity $id -MaxMessageSize $Want.Size -WhatIf:$WhatIf
    }
    if ((ConvertTo-Octets $Is.MaxHeaderSize) -lt (ConvertTo-Octets $Want.HeaderSize)) {
        Write-Change ('{0}: MaxHeaderSize {1}, was {2}' -f $id, $Want.HeaderSize, $Is.MaxHeaderSize)
        Set-ReceiveConnector -Identity $id -MaxHeaderSize $Want.HeaderSize -WhatIf:$WhatIf
    }
    if ([int]"$($Is.MaxRecipientsPerMessage)" -lt $Want.Recipients) {
        Write-Change ('{0}: MaxRecipientsPerMessage {1}, was {2}' -f $id, $Want.Recipients, $Is.MaxRecipientsPerMessage)
        Set-ReceiveConnector -Identity $id -MaxRecipientsPerMessage $Want.Recipients -WhatIf:$WhatIf
    }
    $most = ConvertTo-Octets $Is.MaxInboundConnectionPerSource
    if (($most -ge 0) -and ($most -lt $Want.PerSource)) {
        Write-Change ('{0}: MaxInboundConnectionPerSource {1}, was {2}' -f $id, $Want.PerSource, $most)
        Set-ReceiveConnector -Identity $id -MaxInboundConnectionPerSource $Want.PerSource -WhatIf:$WhatIf
    }
    if ([int]"$($Is.MaxInboundConnectionPercentagePerSource)" -lt $Want.Percentage) {
        Write-Change ('{0}: MaxInboundConnectionPercentagePerSource {1}' -f $id, $Want.Percentage)
        Set-ReceiveConnector -Identity $id -MaxInboundConnectionPercentagePerSource $Want.Percentage -WhatIf:$WhatIf
    }
}

# Permission groups, apart: after rights were granted one by one a connector shows Custom,
# which is right.
function Set-PermissionGroup($Is, $Want) {
    $groups = @("$($Is.PermissionGroups)".Split(',') | ForEach-Object { $_.Trim() } | Where-Object { $_ -ne 'Custom' })
    if ($groups.Count -eq 0) {
        $groups = @('None')
    }
    if (-not (Test-Same $groups @($Want.Groups))) {
        Write-Change ('{0}: permission groups {1}, was {2}' -f $Is.Identity, $Want.Groups, $Is.PermissionGroups)
        Set-ReceiveConnector -Identity "$($Is.Identity)" -PermissionGroups $Want.Groups -WhatIf:$WhatIf
    }
}

function Set-Receive($Server, $Want) {
    $bindings = @('0.0.0.0:' + $Want.Port)
    if (@($GatewayAddress | Where-Object { $_ -match ':' }).Count -gt 0) {
        $bindings += @('[::]:' + $Want.Port)
    }
    $fqdn = $Want.Fqdn
    if (-not $fqdn) {
        $fqdn = "$($Server.Fqdn)"
    }
    Test-Overlap $Server $Want
    $found = @(Find-Receive $Server $Want.Name)
    if ($found.Count -eq 0) {
        Write-Change ('new Receive connector on {0} for {1}' -f $Server.Name, [string]::Join(', ', $GatewayAddress))
        New-ReceiveConnector -Name $Want.Name -Server "$($Server.Name)" -Usage Custom `
            -Bindings $bindings -RemoteIPRanges $GatewayAddress `
            -AuthMechanism $Want.Mechanism -PermissionGroups $Want.Groups `
            -RequireTLS $true -Fqdn $fqdn -MaxMessageSize $Want.Size `
            -MaxHeaderSize $Want.HeaderSize -MaxRecipientsPerMessage $Want.Recipients `
            -MaxInboundConnectionPerSource $Want.PerSource `
            -MaxInboundConnectionPercentagePerSource $Want.Percentage `
            -ConnectionTimeout $Want.Timeout -ProtocolLoggingLevel $ProtocolLogging `
            -WhatIf:$WhatIf | Out-Null
        return
    }
    Set-PermissionGroup $found[0] $Want
    Set-Limit $found[0] $Want
    $wrong = @(Compare-Receive $found[0] $Want $bindings $fqdn)
    if ($wrong.Count -eq 0) {
        Write-Right "$($found[0].Identity)"
        return
    }
    Write-Change ('{0}: {1}' -f $found[0].Identity, [string]::Join(', ', [string[]]$wrong))
    Set-ReceiveConnector -Identity "$($found[0].Identity)" -Bindings $bindings `
        -RemoteIPRanges $GatewayAddress -AuthMechanism $Want.Mechanism -RequireTLS $true `
        -Fqdn $fqdn -ConnectionTimeout $Want.Timeout -ProtocolLoggingLevel $ProtocolLogging `
        -Enabled $true -WhatIf:$WhatIf
}

function Get-ServerCertificate($Server) {
    if ("$($Server.Name)" -eq $env:COMPUTERNAME) {
        Get-ExchangeCertificate
    } else {
        Write-Concern ('{0}: its certificates can be seen on that server alone; run the script there with -WhatIf.' -f $Server.Name)
    }
}

# The name itself, or the wildcard of its domain.
function Test-Covers($Certificate, [string]$Name) {
    $names = @($Certificate.CertificateDomains | ForEach-Object { "$_" })
    ($names -contains $Name) -or ($names -contains ('*' + $Name.Substring([Math]::Max(0, $Name.IndexOf('.')))))
}

function Test-Certificate($Server, [string]$Name, [string]$Verify) {
    $all = @(Get-ServerCertificate $Server | Where-Object { $_ })
    if ($all.Count -eq 0) {
        return
    }
    $good = @($all | Where-Object { (Test-Covers $_ $Name) -and ($_.NotAfter -gt (Get-Date)) -and ("$($_.Services)" -match 'SMTP') })
    if ($good.Count -eq 0) {
        Write-Concern ('{0} has no valid certificate for {1} that is enabled for SMTP: it offers no STARTTLS on the connector (event 12014).' -f $Server.Name, $Name)
        return
    }
    foreach ($one in $good) {
        Write-Right ('{0}: certificate {1} for {2} until {3}' -f $Server.Name, $one.Thumbprint, $Name, $one.NotAfter)
        if (("$($one.IsSelfSigned)" -eq 'True') -and ($Verify -ne 'pin') -and ($Verify -ne 'none')) {
            Write-Concern ('{0}: certificate {1} is self-signed, and the gateway verifies by {2}: let it pin the key, or install one from a certification authority.' -f $Server.Name, $one.Thumbprint, $Verify)
        }
    }
}

function Find-Send([string]$Name) {
    Get-SendConnector | Where-Object { "$($_.Name)" -eq $Name }
}

$Credential = $null
function Get-Logon([string]$User) {
    if ($script:Credential) {
        return $script:Credential
    }
    if ($WhatIf) {
        $password = New-Object System.Security.SecureString
        $password.AppendChar('-')
    } else {
        Write-Host ('  The password of {0}, the account that this organization has at the gateway:' -f $User)
        $typed = Get-Credential -Credential $User
        if (-not $typed) {
            throw 'No password was given.'
        }
        $password = $typed.Password
    }
    $script:Credential = New-Object System.Management.Automation.PSCredential -ArgumentList $User, $password
    $script:Credential
}

# Other connectors with one of these address spaces: the lowest cost wins, then the name.
function Test-Rival($Want) {
    $mine = @($Want.Spaces | ForEach-Object { $_.Split(';')[0].ToLower() })
    foreach ($other in @(Get-SendConnector | Where-Object { "$($_.Name)" -ne $Want.Name })) {
        $same = @($other.AddressSpaces | Where-Object { $mine -contains "$_".Split(';')[0].ToLower() })
        if ($same.Count -gt 0) {
            Write-Concern ('Send connector {0} has {1} too: mail may take that one.' -f $other.Name, $same[0])
        }
    }
}

function Compare-Send($Is, $Want, $Servers) {
    if (-not (Test-Same $Is.AddressSpaces $Want.Spaces)) { 'AddressSpaces' }
    if ("$($Is.DNSRoutingEnabled)" -ne 'False') { 'DNSRoutingEnabled' }
    if (-not (Test-Same $Is.SmartHosts @($Want.SmartHost))) { 'SmartHosts' }
    if ("$($Is.Port)" -ne $Want.Port) { 'Port' }
    if ("$($Is.RequireTLS)" -ne 'True') { 'RequireTLS' }
    if ("$($Is.IgnoreSTARTTLS)" -ne 'False') { 'IgnoreSTARTTLS' }
    if ("$($Is.ForceHELO)" -ne 'False') { 'ForceHELO' }
    if ("$($Is.DomainSecureEnabled)" -ne 'False') { 'DomainSecureEnabled' }
    if ((ConvertTo-Octets $Is.MaxMessageSize) -ne (ConvertTo-Octets $Want.Size)) { 'MaxMessageSize' }
    $names = @($Is.SourceTransportServers | ForEach-Object { "$_".Split('/')[-1] })
    if (-not (Test-Same $names $Servers)) { 'SourceTransportServers' }
    if ("$($Is.ProtocolLoggingLevel)" -ne $ProtocolLogging) { 'ProtocolLoggingLevel' }
    if ("$($Is.Enabled)" -ne 'True') { 'Enabled' }
}

function Test-Logon($Is, $Want) {
    if ("$($Is.SmartHostAuthMechanism)" -ne $Want.Mechanism) {
        return $false
    }
    if (-not $Want.User) {
        return $true
    }
    $user = "$($Is.AuthenticationCredential.UserName)"
    (-not $NewPassword) -and ((-not $user) -or ($user -eq $Want.User))
}

function New-Send($Want, $Servers) {
    Write-Change ('new Send connector {0} to {1}' -f $Want.Name, $Want.SmartHost)
    if ($Want.User) {
        New-SendConnector -Name $Want.Name -Usage Custom -AddressSpaces $Want.Spaces `
            -DNSRoutingEnabled $false -SmartHosts $Want.SmartHost -Port $Want.Port `
            -SmartHostAuthMechanism $Want.Mechanism `
            -AuthenticationCredential (Get-Logon $Want.User) -RequireTLS $true `
            -MaxMessageSize $Want.Size -SourceTransportServers $Servers `
            -ProtocolLoggingLevel $ProtocolLogging -WhatIf:$WhatIf | Out-Null
    } else {
        New-SendConnector -Name $Want.Name -Usage Custom -AddressSpaces $Want.Spaces `
            -DNSRoutingEnabled $false -SmartHosts $Want.SmartHost -Port $Want.Port `
            -SmartHostAuthMechanism None -RequireTLS $true -MaxMessageSize $Want.Size `
            -SourceTransportServers $Servers -ProtocolLoggingLevel $ProtocolLogging `
            -WhatIf:$WhatIf | Out-Null
    }
}

function Set-Logon($Is, $Want) {
    if (Test-Logon $Is $Want) {
        return
    }
    Write-Change ('{0}: {1} {2}' -f $Is.Name, $Want.Mechanism, $Want.User)
    if ($Want.User) {
        Set-SendConnector -Identity "$($Is.Identity)" `
            -SmartHostAuthMechanism $Want.Mechanism `
            -AuthenticationCredential (Get-Logon $Want.User) -WhatIf:$WhatIf
    } else {
        Set-SendConnector -Identity "$($Is.Identity)" -SmartHostAuthMechanism None -WhatIf:$WhatIf
    }
}

function Set-Send($Want) {
    $servers = @($Sources | ForEach-Object { "$($_.Name)" } | Sort-Object -Unique)
    Test-Rival $Want
    $found = @(Find-Send $Want.Name)
    if ($found.Count -eq 0) {
        New-Send $Want $servers
        return
    }
    $wrong = @(Compare-Send $found[0] $Want $servers)
    if ($wrong.Count -eq 0) {
        Write-Right "$($found[0].Identity)"
    } else {
        Write-Change ('{0}: {1}' -f $Want.Name, [string]::Join(', ', [string[]]$wrong))
        Set-SendConnector -Identity "$($found[0].Identity)" `
            -AddressSpaces $Want.Spaces -DNSRoutingEnabled $false `
            -SmartHosts $Want.SmartHost -Port $Want.Port -RequireTLS $true `
            -IgnoreSTARTTLS $false -ForceHELO $false -DomainSecureEnabled $false `
            -MaxMessageSize $Want.Size `
            -SourceTransportServers $servers -ProtocolLoggingLevel $ProtocolLogging `
            -Enabled $true -WhatIf:$WhatIf
    }
    Set-Logon $found[0] $Want
}

# Its name is another one in each language of Windows.
function Grant-Anonymous([string]$Connector, $Rights) {
    $sid = New-Object System.Security.Principal.SecurityIdentifier -ArgumentList 'S-1-5-7'
    $nobody = $sid.Translate([System.Security.Principal.NTAccount]).Value
    $found = @(Find-Send $Connector)
    if ($found.Count -gt 0) {
        Grant-Right "$($found[0].DistinguishedName)" $nobody $Rights
    } elseif ($WhatIf) {
        foreach ($right in $Rights) {
            Write-Change ('{0} on {1}, once it is there: {2}' -f $right[0], $Connector, $right[1])
        }
    } else {
        throw ('Send connector {0} is not there yet: wait until the directory has it on all domain controllers.' -f $Connector)
    }
}

# --------------------------------------------------------------------------------------------------
# Step 1: Preconditions
# --------------------------------------------------------------------------------------------------
# Why: The wrong shell, version or server, or too few rights, would stop the script half way.
#      Nothing is changed in this step.
#
# Check, changes nothing:
#       Get-ExchangeServer | Format-Table Name,Fqdn,ServerRole,AdminDisplayVersion
#
# Undo:
#   Nothing: this step changes nothing.
#
$Step = 1
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Preconditions')
#   You need the role Exchange Organization Administrator (Send connectors, domains) and Exchange
#   Server Administrator with local Administrators on each server (Receive connectors).
#   -GatewayAddress is a proposal: ask the gateway's administrator from which addresses it connects.
if (@(Get-Command -Name 'New-ReceiveConnector*').Count -eq 0) {
    throw 'Start the Exchange Management Shell of this version; if this is it, your roles do not include connectors.'
}
$AdminGroup = '*\Exchange Organization Administrators'
function Get-MyGroup {
    [System.Security.Principal.WindowsIdentity]::GetCurrent().Groups | ForEach-Object {
        trap { continue }
        $_.Translate([System.Security.Principal.NTAccount]).Value
    }
}
if (@(Get-MyGroup | Where-Object { $_ -like $AdminGroup }).Count -eq 0) {
    Write-Concern ('You are not in {0}: expect refusals.' -f $AdminGroup)
}
$Hubs = @(Find-Hub $Server)
$Sources = @($Hubs)
if ($SourceServer.Count -gt 0) {
    $Sources = @(Find-Hub $SourceServer)
}
function Test-Name([string]$Name) {
    trap { continue }
    $addresses = @()
    $addresses = @([System.Net.Dns]::GetHostAddresses($Name))
    if ($addresses.Count -eq 0) {
        Write-Concern ('{0} has no address in DNS here: mail to it would wait.' -f $Name)
    }
}
Test-Name 'gw.contoso.example'
Write-Host ('  the gateway connects from ' + [string]::Join(', ', $GatewayAddress) + ': a proposal unless you gave it')

# --------------------------------------------------------------------------------------------------
# Step 2: Service account of the gateway
# --------------------------------------------------------------------------------------------------
# Why: The gateway logs on to this organization's servers with an account of this forest. Only who
#      has logged on counts as a colleague: names are resolved, groups for authenticated senders
#      take the mail, out of office is the internal one.
# Check on your system: whether "Log On To" (a list of workstations) of the account stops AUTH
#     LOGIN: leave it empty, or name the Exchange servers and test
#
# Check, changes nothing:
#       Get-User -Identity 'CONTOSO\svc-forestgate' | Format-List Name,UserPrincipalName,SamAccountName,UserAccountControl,RecipientType
#
# Undo:
#   Only if this script said that it made the account: one that was here before may have other uses,
#   and what is deleted here does not come back.
#       Get-User -Identity 'CONTOSO\svc-forestgate' | ForEach-Object { dsrm.exe $_.DistinguishedName }
#
$Step = 2
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Service account of the gateway')
#   An ordinary member of Domain Users and of nothing else. Not of "Exchange Servers", as later
#   procedures have it: whoever has the password would then hold every right on every connector. It
#   needs no mailbox and no address.
#   Its password: long, random, used nowhere else, the same as in the password_file of the gateway's
#   send connector. It does not expire by itself: mail would stop on that day. Change it on both
#   sides on a day of your choice.
#   Refuse it interactive logon by group policy (deny log on locally, deny log on through Terminal
#   Services). Mind the lockout policy: one gateway with an old password can lock the account, and
#   then AUTH fails with the right one too.
#   -AccountContainer 'OU=Service Accounts,DC=...' lets this script make it; otherwise make it in
#   Active Directory Users and Computers.
$account = @(Find-Account 'CONTOSO\svc-forestgate')
if ($account.Count -gt 0) {
    Write-Right ('account {0}' -f $account[0])
} elseif (-not $AccountContainer) {
    if (-not $WhatIf) {
        throw ('There is no account {0}, or it is in a domain that this shell does not look at. Make it as this step says, or give -AccountContainer.' -f 'CONTOSO\svc-forestgate')
    }
    Write-Concern ('There is no account {0}: the rights on it cannot be shown.' -f 'CONTOSO\svc-forestgate')
} else {
    $dn = 'CN=' + ('svc-forestgate' -replace '([,+"\\<>;=#])', '\$1') + ',' + $AccountContainer
    Write-Change ('new account {0}; dsadd asks for its password' -f $dn)
    if (-not $WhatIf) {
        dsadd.exe user $dn -samid 'svc-forestgate' -pwd '*' -mustchpwd no -canchpwd no -pwdneverexpires yes -disabled no -desc 'Mail from other forests through the gateway'
        if ($LASTEXITCODE -ne 0) {
            throw ('dsadd failed with {0}.' -f $LASTEXITCODE)
        }
    }
}

# --------------------------------------------------------------------------------------------------
# Step 3: Accepted domains
# --------------------------------------------------------------------------------------------------
# Why: A server takes mail from the gateway only for accepted domains: for any other it answers 550
#      5.7.1 Unable to relay. The type decides what becomes of mail for a recipient who is not found
#      here.
#
# Check, changes nothing:
#       Get-AcceptedDomain | Format-Table Name,DomainName,DomainType,Default
#
# Undo:
#   Remove only what this script said it made, and set back what it said it changed. This forest's
#   own domains have mailboxes and e-mail address policies: no command for them.
#
$Step = 3
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Accepted domains')
#   Authoritative: this organization has all recipients of the domain; mail for one that it does not
#   find gets a non-delivery report. Mail can be relayed through a forest only where that forest has
#   such a domain.
#   A domain that exists with another type is only pointed out: from InternalRelay to Authoritative,
#   whoever is not in this organization yet no longer gets mail. -ChangeDomainType changes it, and
#   the script says what it was. The default domain stays what it is.
Set-Accepted 'contoso.example' 'contoso.example' 'Authoritative'
Set-Accepted '*.contoso.example' 'contoso.example and below' 'Authoritative'

# --------------------------------------------------------------------------------------------------
# Step 4: Remote domain settings for the other forests
# --------------------------------------------------------------------------------------------------
# Why: The default remote domain stops automatic replies and forwards to the outside and sends only
#      the external out of office text. The other forests are colleagues: they get the internal one,
#      forwards, delivery and non-delivery reports. Rich text (TNEF) stays on, so that meeting
#      requests arrive as meeting requests.
# Check on your system: that TNEF between these forests is what their users want: with it on, a
#     recipient there without Outlook sees winmail.dat
#
# Check, changes nothing:
#       Get-RemoteDomain | Format-List Name,DomainName,AllowedOOFType,AutoReplyEnabled,AutoForwardEnabled,DeliveryReportEnabled,NDREnabled,TNEFEnabled
#
# Undo:
#   Then the default remote domain holds for them again. Where one was here before, set back what
#   the script said it was.
#       Get-RemoteDomain | Where-Object { $_.Name -eq 'fabrikam.example' } | Remove-RemoteDomain
#
$Step = 4
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Remote domain settings for the other forests')
Set-Remote 'fabrikam.example' 'fabrikam.example'

# --------------------------------------------------------------------------------------------------
# Step 5: Receive connectors for the gateway
# --------------------------------------------------------------------------------------------------
# Why: The gateway's connections must meet a connector of their own: the default one knows only this
#      organization's servers and users, refuses senders of other forests (550 5.7.1 Client does not
#      have permissions to send as this sender), and changing it would change it for all.
# Check on your system: that setting PermissionGroups on a connector that has them keeps rights
#     granted one by one: the next step grants what is missing; IPv6 addresses: 2007 takes them from
#     SP1 on Windows Server 2008 only
#
# Check, changes nothing:
#       Get-ReceiveConnector | Where-Object { $_.Name -eq 'From other forests (forestgate)' } | Format-List Identity,Bindings,RemoteIPRanges,AuthMechanism,PermissionGroups,RequireTLS,Fqdn,MaxMessageSize,MaxRecipientsPerMessage,MaxInboundConnectionPerSource,ConnectionTimeout,ProtocolLoggingLevel,Enabled
#       Get-TransportConfig | Format-List MaxReceiveSize,MaxSendSize,MaxRecipientEnvelopeLimit
#
# Undo:
#       Get-ReceiveConnector | Where-Object { $_.Name -eq 'From other forests (forestgate)' } | Remove-ReceiveConnector
#
$Step = 5
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Receive connectors for the gateway')
#   Usage Custom presets nothing. Only the gateway's addresses are taken, STARTTLS must come before
#   anything else, and a password only inside TLS. Where the gateway logs on, no permission group is
#   given anything: the next step grants its account what it needs.
#   Fqdn is the name that the gateway finds in the certificate: the connector offers STARTTLS only
#   if the server has a certificate with it.
#   MaxMessageSize, MaxHeaderSize and MaxRecipientsPerMessage: what the gateway takes from the other
#   forests it must be able to hand over here, with the trace fields that are added. The
#   organization's own limits hold too.
#   ConnectionTimeout: the default of 10 minutes cuts a large message over a slow line while it
#   still flows, and the gateway begins it again.
#   For the gateway's send connector contoso-bridgeheads: at most 10 connections to a server at once
#   (Exchange allows 20 from one address by default; several gateways behind one NAT address add
#   up).
$want = @{
    Name = 'From other forests (forestgate)'
    Port = '25'
    Fqdn = ''
    Mechanism = 'Tls,BasicAuth,BasicAuthRequireTLS'
    Groups = 'None'
    Size = '25664KB'
    HeaderSize = '272KB'
    Recipients = 5000
    PerSource = 20
    Percentage = 2
    Timeout = '00:30:00'
}
foreach ($hub in $Hubs) {
    Set-Receive $hub $want
}

# --------------------------------------------------------------------------------------------------
# Step 6: Rights of the service account on the Receive connectors
# --------------------------------------------------------------------------------------------------
# Why: What a session may do is decided by the rights of its account on the connector, each of them
#      by name. The permission group ExchangeUsers would not do: it lacks Accept-Any-Sender, and it
#      may relay anywhere.
# Check on your system: that the null sender of reports needs ms-Exch-SMTP-Accept-Any-Sender: it is
#     granted anyway; that these rights are all that such a session needs to count as internal:
#     concluded from what each is for
#
# Check, changes nothing:
#       Get-ReceiveConnector | Where-Object { $_.Name -eq 'From other forests (forestgate)' } | ForEach-Object { Get-ADPermission -Identity $_.DistinguishedName -User 'CONTOSO\svc-forestgate' } | Format-Table Identity,User,Deny,ExtendedRights
#
# Undo:
#       Get-ReceiveConnector | Where-Object { $_.Name -eq 'From other forests (forestgate)' } | ForEach-Object { Remove-ADPermission -Identity $_.DistinguishedName -User 'CONTOSO\svc-forestgate' -ExtendedRights 'ms-Exch-SMTP-Submit','ms-Exch-SMTP-Accept-Any-Sender','ms-Exch-SMTP-Accept-Authoritative-Domain-Sender','ms-Exch-SMTP-Accept-Authentication-Flag','ms-Exch-Accept-Headers-Routing','ms-Exch-Bypass-Anti-Spam' }
#
$Step = 6
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Rights of the service account on the Receive connectors')
#   ms-Exch-SMTP-Submit: without it AUTH fails with the right password, and so does MAIL FROM.
#   ms-Exch-SMTP-Accept-Any-Sender: without it senders of the other forests, and perhaps reports
#   with the null sender, are refused: 550 5.7.1 Client does not have permissions to send as this
#   sender.
#   ms-Exch-SMTP-Accept-Authoritative-Domain-Sender: without it mail is refused that comes back with
#   a sender of this forest: forwarded by a mailbox of another one, or from a shared name space.
#   ms-Exch-SMTP-Accept-Authentication-Flag: without it all mail counts as from outside: names are
#   not resolved, groups that take authenticated senders only refuse it; the gateway still marks
#   with AUTH=<> what is not from a forest's own servers.
#   ms-Exch-Accept-Headers-Routing: without it all Received fields are removed: nobody can follow a
#   message, and loops are found late.
#   ms-Exch-Bypass-Anti-Spam: without it mail that its own forest has filtered is filtered again.
$rights = @()
$rights += ,@('ms-Exch-SMTP-Submit',
    'without it AUTH fails with the right password, and so does MAIL FROM')
$rights += ,@('ms-Exch-SMTP-Accept-Any-Sender',
    'without it senders of the other forests, and perhaps reports with the null sender, are refused: 550 5.7.1 Client does not have permissions to send as this sender')
$rights += ,@('ms-Exch-SMTP-Accept-Authoritative-Domain-Sender',
    'without it mail is refused that comes back with a sender of this forest: forwarded by a mailbox of another one, or from a shared name space')
$rights += ,@('ms-Exch-SMTP-Accept-Authentication-Flag',
    'without it all mail counts as from outside: names are not resolved, groups that take authenticated senders only refuse it; the gateway still marks with AUTH=<> what is not from a forest''s own servers')
$rights += ,@('ms-Exch-Accept-Headers-Routing',
    'without it all Received fields are removed: nobody can follow a message, and loops are found late')
$rights += ,@('ms-Exch-Bypass-Anti-Spam',
    'without it mail that its own forest has filtered is filtered again')
$account = @(Find-Account 'CONTOSO\svc-forestgate')
foreach ($hub in $Hubs) {
    $found = @(Find-Receive $hub 'From other forests (forestgate)')
    if (($found.Count -gt 0) -and ($account.Count -gt 0)) {
        Grant-Right "$($found[0].DistinguishedName)" $account[0] $rights
    } elseif ($WhatIf) {
        Write-Change ('the rights above on the connector of {0}, once it and the account are there' -f $hub.Name)
    } else {
        throw ('The connector of {0} or its account is not there yet: wait until the directory has it on all domain controllers.' -f $hub.Name)
    }
}
#   Not granted, on purpose:
#   ms-Exch-SMTP-Accept-Any-Recipient: the gateway sends only mail for accepted domains here; with
#   it a gateway that is wrongly configured would be an open relay through this organization.
#   ms-Exch-Bypass-Message-Size-Limit: the connector's limit is what the gateway needs.
#   ms-Exch-Accept-Headers-Organization, ms-Exch-Accept-Headers-Forest and
#   ms-Exch-SMTP-Accept-Exch50, unless listed above: they trust what servers of another organization
#   say about a message, and the gateway sends none of it unless its own configuration says so.

# --------------------------------------------------------------------------------------------------
# Step 7: Certificates of the Exchange servers
# --------------------------------------------------------------------------------------------------
# Why: STARTTLS is offered only with a certificate that has the name of the connector. The
#      self-signed one that setup makes ends after one year: STARTTLS then disappears from the
#      server's reply without a word, and mail waits. Nothing is changed here.
# Check on your system: which events announce the end of a certificate (12018, 12019, 12024)
#
# Check, changes nothing:
#       Get-ExchangeCertificate | Format-List Thumbprint,CertificateDomains,Services,NotAfter,IsSelfSigned,Issuer,Status
#
# Undo:
#   Nothing: this step changes nothing.
#
$Step = 7
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Certificates of the Exchange servers')
#   The gateway's send connector contoso-bridgeheads has tls.verify name: its chain must lead to a
#   root that the gateway trusts, and it must have the server's name.
foreach ($hub in $Hubs) {
    Test-Certificate $hub "$($hub.Fqdn)" 'name'
}
#   A certificate from a certification authority is installed with Import-ExchangeCertificate and
#   Enable-ExchangeCertificate -Services SMTP; when Exchange asks whether to replace the default
#   SMTP certificate, think first: its own servers use that one.

# --------------------------------------------------------------------------------------------------
# Step 8: Trust in the gateway's certificate
# --------------------------------------------------------------------------------------------------
# Why: With BasicAuthRequireTLS a server hands over mail only if the gateway's certificate has the
#      exact name gw.contoso.example and its chain leads to a root in the store of the computer (not
#      of the user). Otherwise mail waits, and event 11005 says UntrustedRoot.
#
# Check, changes nothing:
#       Get-ChildItem cert:\LocalMachine\Root | Format-Table Thumbprint,Subject,NotAfter
#
# Undo:
#   On each source server, if nothing else needs that root:
#       certutil.exe -delstore Root <thumbprint of the root>
#
$Step = 8
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Trust in the gateway''s certificate')
#   With many servers a group policy (Trusted Root Certification Authorities) reaches all of them at
#   once.
#   The names in the gateway's certificate are shown by "forestgate preflight" on the gateway.
if ($GatewayCertificateFile) {
    $path = (Resolve-Path $GatewayCertificateFile).Path
    $root = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList $path
    if ($root.Subject -ne $root.Issuer) {
        throw ('{0} is no root certificate: {1} signed it. Give the file of that one, or of the root above it.' -f $root.Subject, $root.Issuer)
    }
    $store = @(Get-ChildItem cert:\LocalMachine\Root | Where-Object { $_.Thumbprint -eq $root.Thumbprint })
    if (@($Sources | Where-Object { "$($_.Name)" -eq $env:COMPUTERNAME }).Count -eq 0) {
        Write-Host '  this computer is not one of the source servers: nothing is added here'
    } elseif ($store.Count -gt 0) {
        Write-Right ('root certificate {0} on this server' -f $root.Subject)
    } else {
        Write-Change ('root certificate {0} trusted on this server' -f $root.Subject)
        if (-not $WhatIf) {
            certutil.exe -addstore Root $path
            if ($LASTEXITCODE -ne 0) {
                throw ('certutil failed with {0}.' -f $LASTEXITCODE)
            }
        }
    }
    foreach ($hub in $Sources) {
        if ("$($hub.Name)" -ne $env:COMPUTERNAME) {
            Write-Concern ('on {0} run: certutil.exe -addstore Root <the same file>' -f $hub.Name)
        }
    }
} else {
    Write-Host '  no -GatewayCertificateFile: its root must be trusted on each source server already'
}

# --------------------------------------------------------------------------------------------------
# Step 9: Send connector to the gateway
# --------------------------------------------------------------------------------------------------
# Why: Mail for the domains of the other forests must leave to the gateway, inside TLS and logged
#      on: only then it counts as sent by this forest.
# Check on your system: that a user name of the form DOMAIN\user is sent as it is typed; RequireTLS
#     beside BasicAuthRequireTLS: each of them is described, both at once are not
#
# Check, changes nothing:
#       Get-SendConnector | Where-Object { $_.Name -eq 'To other forests (forestgate)' } | Format-List Name,AddressSpaces,SmartHosts,Port,DNSRoutingEnabled,SmartHostAuthMechanism,RequireTLS,MaxMessageSize,SourceTransportServers,ProtocolLoggingLevel,Enabled
#
# Undo:
#       Get-SendConnector | Where-Object { $_.Name -eq 'To other forests (forestgate)' } | Remove-SendConnector
#   Mail for these domains then takes another connector that covers them, or waits in the queue
#   Unreachable.
#
$Step = 9
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Send connector to the gateway')
#   BasicAuthRequireTLS: the password goes out inside TLS alone, and only to a server whose
#   certificate names the smart host and is trusted here. So the smart host is the gateway's name,
#   never its address. The password is asked for once; Exchange keeps it, and -NewPassword asks
#   again.
#   The most specific address space wins, then the lowest cost: mail for these domains comes here
#   and nowhere else. A message that is larger than every connector's MaxMessageSize gets a
#   non-delivery report.
#   The gateway's receive connector from-contoso takes 10.1.20.0/24: each source server's address
#   must lie in a network of it.
$spaces = @()
$spaces += @('SMTP:fabrikam.example;1')
$want = @{
    Name = 'To other forests (forestgate)'
    Spaces = $spaces
    SmartHost = 'gw.contoso.example'
    Port = '25'
    Size = '25600KB'
    Mechanism = 'BasicAuthRequireTLS'
    User = 'svc-forestgate@contoso.example'
}
Set-Send $want

# --------------------------------------------------------------------------------------------------
# Step 10: Rights on the Send connector
# --------------------------------------------------------------------------------------------------
# Why: What may leave by the connector is a right of whoever answers there. The gateway has proved
#      itself by its certificate, but to Windows it is nobody: the rights are granted to ANONYMOUS
#      LOGON (S-1-5-7), on this connector alone.
# Check on your system: that a smart host that was logged on to with Basic counts as ANONYMOUS
#     LOGON: concluded from the cross-forest script of later versions
#
# Check, changes nothing:
#       Get-SendConnector | Where-Object { $_.Name -eq 'To other forests (forestgate)' } | ForEach-Object { Get-ADPermission -Identity $_.DistinguishedName } | Where-Object { $_.ExtendedRights } | Format-Table User,Deny,ExtendedRights
#
# Undo:
#       Get-SendConnector | Where-Object { $_.Name -eq 'To other forests (forestgate)' } | ForEach-Object { Remove-ADPermission -Identity $_.DistinguishedName -User 'NT AUTHORITY\ANONYMOUS LOGON' -ExtendedRights 'ms-Exch-Send-Headers-Routing' }
#
$Step = 10
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'Rights on the Send connector')
#   ms-Exch-Send-Headers-Routing: a Send connector for custom use has no such right by default;
#   without it all Received fields are removed: nobody can follow a message, and loops are found
#   late.
$rights = @()
$rights += ,@('ms-Exch-Send-Headers-Routing',
    'a Send connector for custom use has no such right by default; without it all Received fields are removed: nobody can follow a message, and loops are found late')
Grant-Anonymous 'To other forests (forestgate)' $rights

# --------------------------------------------------------------------------------------------------
# Step 11: First test, and when to switch the protocol logs off
# --------------------------------------------------------------------------------------------------
# Why: Each direction is tested with one message before users depend on it. The protocol logs of the
#      connectors show every command and reply; they are on from the start and cost disk.
# Check on your system: how soon a server notices changed connectors and rights: wait some minutes,
#     or restart Microsoft Exchange Transport
#
# Check, changes nothing:
#       Get-TransportServer | Format-List Name,ReceiveProtocolLogPath,SendProtocolLogPath
#       Get-Queue | Format-Table Identity,NextHopDomain,Status,MessageCount,LastError
#       Get-EventLog Application -Newest 500 | Where-Object { $_.Source -like 'MSExchangeTransport*' -and (11005, 12014, 12015, 12018) -contains $_.EventID } | Format-List TimeGenerated,EventID,Message
#
# Undo:
#       Get-ReceiveConnector | Where-Object { $_.Name -eq 'From other forests (forestgate)' } | Set-ReceiveConnector -ProtocolLoggingLevel None
#       Get-SendConnector | Where-Object { $_.Name -eq 'To other forests (forestgate)' } | Set-SendConnector -ProtocolLoggingLevel None
#
$Step = 11
Write-Host ''
Write-Host ('Step {0}: {1}' -f $Step, 'First test, and when to switch the protocol logs off')
#   On the gateway: "forestgate preflight" looks at both directions without mail; with --round-trip
#   it sends a marked message each way.
#   From a mailbox here to one of another forest and back: the name must be resolved (no bare SMTP
#   address), a meeting request must stay one. What waits shows in the queues with the gateway's
#   last reply. Event 11005: the gateway's certificate is not trusted or does not name it. Events
#   12014 and 12015: this server has no certificate for the name of its connector, or it has
#   expired.
#   After a day without trouble switch the logs off by the commands under Undo of this step. A
#   further run of this script switches them on again unless -ProtocolLogging None is among its
#   parameters, which otherwise must be the same as before: left out, -GatewayAddress and the
#   servers would be the proposals again.
foreach ($concern in $Concerns) {
    Write-Host ('  look at this: ' + $concern)
}
Write-Host ('  {0} changes, {1} to look at.' -f $Changes, $Concerns.Count)

$global:ErrorActionPreference = $PreferenceBefore

# --------------------------------------------------------------------------------------------------
# Back out of everything, in this order: the last step first. Nothing below is run by this script;
# what to consider before stands under Undo of each step.
# --------------------------------------------------------------------------------------------------
# Step 11: First test, and when to switch the protocol logs off
#       Get-ReceiveConnector | Where-Object { $_.Name -eq 'From other forests (forestgate)' } | Set-ReceiveConnector -ProtocolLoggingLevel None
#       Get-SendConnector | Where-Object { $_.Name -eq 'To other forests (forestgate)' } | Set-SendConnector -ProtocolLoggingLevel None
# Step 10: Rights on the Send connector
#       Get-SendConnector | Where-Object { $_.Name -eq 'To other forests (forestgate)' } | ForEach-Object { Remove-ADPermission -Identity $_.DistinguishedName -User 'NT AUTHORITY\ANONYMOUS LOGON' -ExtendedRights 'ms-Exch-Send-Headers-Routing' }
# Step 9: Send connector to the gateway
#       Get-SendConnector | Where-Object { $_.Name -eq 'To other forests (forestgate)' } | Remove-SendConnector
# Step 8: Trust in the gateway's certificate
#       certutil.exe -delstore Root <thumbprint of the root>
# Step 6: Rights of the service account on the Receive connectors
#       Get-ReceiveConnector | Where-Object { $_.Name -eq 'From other forests (forestgate)' } | ForEach-Object { Remove-ADPermission -Identity $_.DistinguishedName -User 'CONTOSO\svc-forestgate' -ExtendedRights 'ms-Exch-SMTP-Submit','ms-Exch-SMTP-Accept-Any-Sender','ms-Exch-SMTP-Accept-Authoritative-Domain-Sender','ms-Exch-SMTP-Accept-Authentication-Flag','ms-Exch-Accept-Headers-Routing','ms-Exch-Bypass-Anti-Spam' }
# Step 5: Receive connectors for the gateway
#       Get-ReceiveConnector | Where-Object { $_.Name -eq 'From other forests (forestgate)' } | Remove-ReceiveConnector
# Step 4: Remote domain settings for the other forests
#       Get-RemoteDomain | Where-Object { $_.Name -eq 'fabrikam.example' } | Remove-RemoteDomain
# Step 3: Accepted domains
# Step 2: Service account of the gateway
#       Get-User -Identity 'CONTOSO\svc-forestgate' | ForEach-Object { dsrm.exe $_.DistinguishedName }
