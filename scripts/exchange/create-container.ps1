# create-container.ps1 - makes the organizational unit into which GALSync writes the contacts of the
# other forest, or takes it away again while it is empty.
#
# PARAMETERS
#   -Name <name>               default FromMIIS
#   -Parent <dn>               where it goes; default: the top of this computer's domain
#   -DomainController <fqdn>   write there; default: one of this computer's domain
#   -Remove                    undo: takes the container away, only if nothing is in it
#   -WhatIf                    says what would be done, changes nothing
#
# EXIT CODE
#   0  done, or nothing to do: it is there already (with -Remove: it is gone already)
#   1  the directory refused; its words are shown
#   2  could not begin: bad parameter, no domain controller, no such parent, container not empty
#
# Plain directory access: needs neither Exchange cmdlets nor dsadd.exe. For a forest without
# PowerShell, README.md has the dsadd and dsrm lines.
#
# EXAMPLE
#   .\create-container.ps1 -Parent 'OU=Exchange,DC=foresta,DC=example' -WhatIf

param(
    [string]$Name = 'FromMIIS',
    [string]$Parent,
    [string]$DomainController,
    [switch]$Remove,
    [switch]$WhatIf
)

$folder = Split-Path -Parent $MyInvocation.MyCommand.Path
$unknown = $args
. (Join-Path $folder 'common.ps1')

# Whatever nobody foresaw ends here, and never as a success.
trap {
    Write-Log 'failed' ('unexpected: ' + (Get-ErrorText $_))
    exit 2
}

# What is wrong with the parameters; empty = nothing.
function Get-Complaint {
    if ($unknown.Count -gt 0) { return 'unknown parameter: ' + [string]$unknown[0] }
    if ($Name.Trim() -ne $Name -or $Name -eq '') { return '-Name is empty or begins or ends with a blank' }
    if ($Name.Length -gt 64) { return '-Name is longer than the 64 characters that the directory takes' }
    if ($Name -match '[/\x00-\x1f]') { return '-Name holds a slash or a control character' }
    if ($Parent -ne '' -and $Parent -notmatch '(?i)(^|,)DC=') { return '-Parent is no distinguished name (OU=...,DC=...)' }
    return ''
}

# The name as part of a distinguished name (RFC 4514): what has a meaning there is escaped.
function ConvertTo-Rdn([string]$plain) {
    return 'OU=' + ($plain -replace '([,+"\\<>;=#])', '\$1')
}

# The address of an object; in it, unlike in the distinguished name, a slash must be escaped.
function Get-AdsPath([string]$dn) {
    return 'LDAP://' + $DomainController + '/' + $dn.Replace('/', '\/')
}

# 'there', 'not there', or empty when the question failed; then $mishap says why.
function Test-Object([string]$dn) {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $exists = $null
    $exists = [System.DirectoryServices.DirectoryEntry]::Exists((Get-AdsPath $dn))
    if ($exists -eq $null) { return '' }
    if ($exists) { return 'there' }
    return 'not there'
}

# How many objects are in the container; -1 when that cannot be read.
function Get-ChildCount([string]$dn) {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $children = -1
    $entry = New-Object System.DirectoryServices.DirectoryEntry (Get-AdsPath $dn)
    $children = @($entry.psbase.Children | ForEach-Object { 1 }).Count
    if ($script:mishap -ne '') { return -1 }
    return $children
}

# Makes or removes it; $mishap says what the directory answered.
function Set-Container([string]$rdn) {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    if (-not $WhatIf) {
        $above = New-Object System.DirectoryServices.DirectoryEntry (Get-AdsPath $Parent)
        if ($Remove) {
            # Refused by the directory if somebody has put an object into it since we looked.
            $above.psbase.Children.Remove($above.psbase.Children.Find($rdn, 'organizationalUnit'))
        }
        else {
            $unit = $above.psbase.Children.Add($rdn, 'organizationalUnit')
            $unit.psbase.Properties['description'].Value = 'Contacts of the other forest, written by GALSync'
            $unit.psbase.CommitChanges()
        }
    }
}

# The top of the domain; empty, and $mishap says why, when the directory does not answer.
function Get-DomainTop {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $root = New-Object System.DirectoryServices.DirectoryEntry ('LDAP://' + $DomainController + '/RootDSE')
    return [string]$root.defaultNamingContext
}

$complaint = Get-Complaint
if ($complaint -ne '') {
    Write-Log 'failed' $complaint
    exit 2
}
if ($DomainController -eq '') { $DomainController = Get-DomainController }
if ($DomainController -eq '') {
    Write-Log 'failed' ('no domain controller found, name one with -DomainController. ' + $script:mishap)
    exit 2
}
if ($Parent -eq '') { $Parent = Get-DomainTop }
$rdn = ConvertTo-Rdn $Name
$dn = $rdn + ',' + $Parent
$state = ''
if ($Parent -ne '' -and (Test-Object $Parent) -eq 'there') { $state = Test-Object $dn }
if ($state -eq '') {
    Write-Log 'failed' ('cannot find the parent ' + $Parent + ' on ' + $DomainController + '. ' + $script:mishap)
    exit 2
}
if ($Remove -and $state -eq 'not there') {
    Write-Log 'done' ('is gone already: ' + $dn)
    exit 0
}
if (-not $Remove -and $state -eq 'there') {
    Write-Log 'done' ('is there already: ' + $dn)
    exit 0
}
$verb = 'make'
if ($Remove) {
    $verb = 'remove'
    $inside = Get-ChildCount $dn
    if ($inside -ne 0) {
        Write-Log 'failed' ('not empty, or not readable: ' + $dn + ' (' + $inside + ' objects). ' + $script:mishap)
        exit 2
    }
}
if ($WhatIf) {
    Write-Log ('would ' + $verb) $dn
    exit 0
}
Set-Container $rdn
if ($script:mishap -ne '') {
    Write-Log 'failed' ('to ' + $verb + ' ' + $dn + ': ' + $script:mishap)
    exit 1
}
Write-Log 'done' ($verb + ' ' + $dn)
exit 0
