# finish-recipients.ps1 - finishes recipients that directory synchronisation left half made.
#
# WHY
#   GALSync of MIIS 2003 writes contacts for the people of the other forest and counts on the
#   Recipient Update Service to finish them. Exchange 2007 has no such service: until this script has
#   run, a contact has no legacyExchangeDN, and replies to it bounce. Run it at least once a day
#   (register-task.ps1).
#
# ONE OF THREE WAYS (exactly one)
#   -Contacts    only the contacts of one container whose legacyExchangeDN is empty: the daily run
#   -All         every e-mail address policy, address list, global address list, offline address book
#   by name, several with commas between:
#   -EmailAddressPolicy <names>   -AddressList <names>
#   -GlobalAddressList <names>    -OfflineAddressBook <names>
#
# PARAMETERS
#   -Container <name>          with -Contacts: the container, best as canonical name
#                              (foresta.example/FromMIIS); default FromMIIS
#   -DomainController <fqdn>   with -Contacts: read and write there; default: one of this computer's
#                              domain. Not with policies and lists: these reach into all domains.
#   -LogFile <path>            default: finish-recipients.log beside this script
#   -MaxLogKB <number>         size at which the log is put aside as .1; default 1024
#   -WhatIf                    says what would be done, changes nothing, writes no log
#
# EXIT CODE
#   0  all done (also when there was nothing to do)
#   1  an object failed; the log names each, with its error
#   2  could not begin: bad parameter, no Exchange cmdlets, no such container, another run going on
#
# SAFE TO REPEAT: a contact that is finished is not touched again; updating a list twice gives the
# same list. It cannot be undone, and need not be: README.md says what it writes.
#
# EXAMPLE
#   .\finish-recipients.ps1 -Contacts -Container 'foresta.example/FromMIIS' -WhatIf

param(
    [switch]$Contacts,
    [switch]$All,
    [string[]]$EmailAddressPolicy,
    [string[]]$AddressList,
    [string[]]$GlobalAddressList,
    [string[]]$OfflineAddressBook,
    [string]$Container,
    [string]$DomainController,
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

$script:done = 0
$script:failed = 0
$script:seen = 0

# What is wrong with the parameters; empty = nothing. PowerShell 1.0 puts a misspelt -Parameter into
# $args instead of refusing it, and has no parameter sets for scripts.
function Get-Complaint {
    if ($unknown.Count -gt 0) { return 'unknown parameter: ' + [string]$unknown[0] }
    $names = @(@($EmailAddressPolicy) + @($AddressList) + @($GlobalAddressList) + @($OfflineAddressBook) |
        Where-Object { $_ -ne $null })
    $ways = 0
    if ($Contacts) { $ways++ }
    if ($All) { $ways++ }
    if ($names.Count -gt 0) { $ways++ }
    if ($ways -ne 1) { return 'say exactly one of -Contacts, -All, or names of policies and lists' }
    foreach ($name in $names) {
        if ($name.Trim() -eq '') { return 'a name is empty' }
    }
    if (-not $Contacts -and ($Container -ne '' -or $DomainController -ne '')) {
        return '-Container and -DomainController belong to -Contacts'
    }
    if ($MaxLogKB -lt 1) { return '-MaxLogKB must be at least 1' }
    return ''
}

# Counts one object and logs it: done, would be done, or failed and why.
function Write-Result([string]$what) {
    if ($script:mishap -ne '') {
        $script:failed++
        Write-Log 'failed' ($what + ': ' + $script:mishap)
        return
    }
    $script:done++
    if ($WhatIf) { Write-Log 'would finish' $what } else { Write-Log 'done' $what }
}

# The objects of a kind: all, or those that $name names. Emits them; $mishap says what went wrong.
#
# PowerShell 1.0 has no try. An error that ends the cmdlet comes to the trap, any other one to
# $problems: both must be looked at.
function Find-Objects([string]$kind, [string]$name) {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $problems = @()
    $ofAll = ($name -eq '')
    switch ($kind) {
        'e-mail address policy' {
            if ($ofAll) { Get-EmailAddressPolicy -ErrorAction SilentlyContinue -ErrorVariable problems }
            else { Get-EmailAddressPolicy -Identity $name -ErrorAction SilentlyContinue -ErrorVariable problems }
        }
        'address list' {
            if ($ofAll) { Get-AddressList -ErrorAction SilentlyContinue -ErrorVariable problems }
            else { Get-AddressList -Identity $name -ErrorAction SilentlyContinue -ErrorVariable problems }
        }
        'global address list' {
            if ($ofAll) { Get-GlobalAddressList -ErrorAction SilentlyContinue -ErrorVariable problems }
            else { Get-GlobalAddressList -Identity $name -ErrorAction SilentlyContinue -ErrorVariable problems }
        }
        'offline address book' {
            if ($ofAll) { Get-OfflineAddressBook -ErrorAction SilentlyContinue -ErrorVariable problems }
            else { Get-OfflineAddressBook -Identity $name -ErrorAction SilentlyContinue -ErrorVariable problems }
        }
    }
    if ($problems.Count -gt 0 -and $script:mishap -eq '') { $script:mishap = Get-ErrorText $problems[0] }
}

# Updates one object. $identity is its distinguished name: that one is never ambiguous, whatever
# quotation marks and commas the name holds. $mishap says what went wrong.
#
# The trial run is decided here and not handed to the cmdlets: their help for the first release of
# Exchange 2007 lists no -WhatIf.
function Update-Object([string]$kind, [string]$identity) {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $problems = @()
    if (-not $WhatIf) {
        switch ($kind) {
            'e-mail address policy' {
                Update-EmailAddressPolicy -Identity $identity -ErrorAction SilentlyContinue -ErrorVariable problems | Out-Null
            }
            'address list' {
                Update-AddressList -Identity $identity -ErrorAction SilentlyContinue -ErrorVariable problems | Out-Null
            }
            'global address list' {
                Update-GlobalAddressList -Identity $identity -ErrorAction SilentlyContinue -ErrorVariable problems | Out-Null
            }
            'offline address book' {
                Update-OfflineAddressBook -Identity $identity -ErrorAction SilentlyContinue -ErrorVariable problems | Out-Null
            }
        }
    }
    if ($problems.Count -gt 0 -and $script:mishap -eq '') { $script:mishap = Get-ErrorText $problems[0] }
}

# Updates all objects of a kind, or those named.
function Update-Kind([string]$kind, [string[]]$names) {
    foreach ($name in $names) {
        # All are collected first: in the remote shell of 2010 one pipeline cannot start another.
        # @() because a loop over nothing would run once.
        $found = @(Find-Objects $kind $name)
        $about = $kind
        if ($name -ne '') { $about = $kind + ' ' + $name }
        if ($script:mishap -eq '' -and $found.Count -eq 0 -and $name -ne '') { $script:mishap = 'there is none' }
        if ($script:mishap -ne '') { Write-Result $about }
        foreach ($object in $found) {
            Update-Object $kind ([string]$object.DistinguishedName)
            Write-Result ($kind + ' ' + [string]$object.DistinguishedName)
        }
    }
}

# The policies first, which give addresses; then the lists that are made of recipients; last the
# offline address books, which are made of the lists.
function Update-Kinds {
    if ($All) {
        foreach ($kind in 'e-mail address policy', 'address list', 'global address list', 'offline address book') {
            Update-Kind $kind @('')
        }
        return
    }
    if ($EmailAddressPolicy) { Update-Kind 'e-mail address policy' $EmailAddressPolicy }
    if ($AddressList) { Update-Kind 'address list' $AddressList }
    if ($GlobalAddressList) { Update-Kind 'global address list' $GlobalAddressList }
    if ($OfflineAddressBook) { Update-Kind 'offline address book' $OfflineAddressBook }
}

# True when a contact still waits. What is not set may come as $null or as an empty string.
function Test-Waiting($contact) {
    return (([string]$contact.LegacyExchangeDN).Trim() -eq '')
}

# Emits the contacts of the container that wait; $seen counts all. $mishap says what went wrong.
# Without -ResultSize Unlimited the cmdlet stops after 1000.
function Find-WaitingContacts {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $problems = @()
    Get-MailContact -OrganizationalUnit $Container -DomainController $DomainController -ResultSize Unlimited `
        -ErrorAction SilentlyContinue -ErrorVariable problems |
        Where-Object { $script:seen++; Test-Waiting $_ }
    if ($problems.Count -gt 0 -and $script:mishap -eq '') { $script:mishap = Get-ErrorText $problems[0] }
}

# Saves one contact without a change, whereupon Exchange writes what is missing; then looks whether
# it did. Same domain controller as the search, so replication cannot hide the answer.
function Complete-Contact([string]$identity) {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $problems = @()
    $after = $null
    if (-not $WhatIf) {
        Set-MailContact -Identity $identity -DomainController $DomainController `
            -ErrorAction SilentlyContinue -ErrorVariable problems | Out-Null
        if ($problems.Count -eq 0) {
            $after = Get-MailContact -Identity $identity -DomainController $DomainController `
                -ErrorAction SilentlyContinue -ErrorVariable problems
        }
    }
    if ($problems.Count -gt 0 -and $script:mishap -eq '') { $script:mishap = Get-ErrorText $problems[0] }
    if (-not $WhatIf -and $script:mishap -eq '' -and (Test-Waiting $after)) {
        $script:mishap = 'saved, but its legacyExchangeDN is still empty'
    }
}

# All contacts that wait. A container that cannot be read is no beginning: the answer is false.
function Complete-Contacts {
    $waiting = @(Find-WaitingContacts)
    if ($script:mishap -ne '') {
        Write-Log 'failed' ('container ' + $Container + ': ' + $script:mishap)
        return $false
    }
    Write-Log 'found' ([string]$waiting.Count + ' of ' + $script:seen + ' contacts in ' + $Container + ' wait')
    foreach ($contact in $waiting) {
        Complete-Contact ([string]$contact.DistinguishedName)
        Write-Result ('contact ' + [string]$contact.DistinguishedName)
    }
    return $true
}

# Everything that must be right before the first change. False: the log says what is not.
function Test-Beginning {
    if (-not $WhatIf -and -not (Open-Lock (Join-Path $folder 'finish-recipients.lock'))) {
        Write-Log 'failed' ('another run is going on, or the lock file cannot be opened: ' + $script:mishap)
        return $false
    }
    if (-not (Connect-Exchange)) {
        Write-Log 'failed' 'no Exchange cmdlets: run this where the Exchange management tools are, in a 64-bit PowerShell'
        return $false
    }
    if ($Contacts -and $DomainController -eq '') {
        $script:DomainController = Get-DomainController
        if ($script:DomainController -eq '') {
            Write-Log 'failed' ('no domain controller found, name one with -DomainController. ' + $script:mishap)
            return $false
        }
    }
    return $true
}

$complaint = Get-Complaint
if ($complaint -ne '') {
    Write-Log 'failed' $complaint
    exit 2
}
if ($Container -eq '') { $Container = 'FromMIIS' }
if ($LogFile -eq '') { $LogFile = Join-Path $folder 'finish-recipients.log' }
if (-not $WhatIf -and -not (Open-Log $LogFile $MaxLogKB)) {
    Write-Log 'failed' ('cannot write ' + $LogFile + ': ' + $script:mishap)
    exit 2
}
$begun = Test-Beginning
if ($begun) {
    if ($Contacts) { $begun = Complete-Contacts } else { Update-Kinds }
}
Close-Lock
if (-not $begun) { exit 2 }
$word = 'done'
if ($WhatIf) { $word = 'would finish' }
Write-Log 'end' ($word + ' ' + $script:done + ', failed ' + $script:failed)
if ($script:failed -gt 0) { exit 1 }
exit 0
