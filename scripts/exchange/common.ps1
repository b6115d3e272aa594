# common.ps1 - what the scripts of this folder share: the log, the lock, the text of an error.
#
# Not run by itself: the others load it with a dot. PowerShell 1.0 is enough.

$script:logFile = ''       # full path; empty = the screen only
$script:logLimit = 0       # bytes at which the log is put aside
$script:lock = $null       # the open lock file, while this run goes on
$script:mishap = ''        # why the last call failed; empty = it did not

# Relative paths mean PowerShell's current folder. The .NET classes would take that of the process.
function Get-FullPath([string]$path) {
    return $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)
}

# A trap hands over an ErrorRecord, -ErrorVariable sometimes the bare exception.
function Get-ErrorText($problem) {
    if ($problem.Exception -ne $null) { return $problem.Exception.Message }
    return [string]$problem
}

# One old log is kept beside the new one, so the two never take more than twice the limit.
function Limit-Log {
    if (-not [System.IO.File]::Exists($script:logFile)) { return }
    $file = New-Object System.IO.FileInfo $script:logFile
    if ($file.Length -lt $script:logLimit) { return }
    [System.IO.File]::Delete($script:logFile + '.1')
    [System.IO.File]::Move($script:logFile, $script:logFile + '.1')
}

# Writes one line to the screen and to the log: time, result, what.
function Write-Log([string]$result, [string]$what) {
    # A log that cannot be written must not stop the work; the screen still has the line.
    trap { Write-Host ('cannot write ' + $script:logFile + ': ' + (Get-ErrorText $_)); continue }
    # 's' is 2026-03-02T02:30:04 in every country's settings.
    $time = (Get-Date).ToString('s').Replace('T', ' ')
    # Names and error texts may hold line ends: one event stays one line.
    $line = $time + ' ' + $result + ' ' + ($what -replace '[\x00-\x1f\x7f]+', ' ')
    Write-Host $line
    if ($script:logFile -ne '') {
        Limit-Log
        [System.IO.File]::AppendAllText($script:logFile, $line + "`r`n", [System.Text.Encoding]::UTF8)
    }
}

# Makes $path the log and tries it out. False: nothing can be written there; $mishap says why.
function Open-Log([string]$path, [int]$kilobytes) {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $full = Get-FullPath $path
    [System.IO.File]::AppendAllText($full, '', [System.Text.Encoding]::UTF8)
    if ($script:mishap -ne '') { return $false }
    $script:logFile = $full
    $script:logLimit = $kilobytes * 1024
    return $true
}

# One run at a time: the file is open for this process alone, and Windows closes it when the process
# ends, however it ends. False: another run has it.
function Open-Lock([string]$path) {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $script:lock = [System.IO.File]::Open($path, 'OpenOrCreate', 'ReadWrite', 'None')
    return ($script:mishap -eq '')
}

# To be called before every exit: in an open shell the process lives on.
function Close-Lock {
    if ($script:lock -ne $null) { $script:lock.Close() }
    $script:lock = $null
}

# True when the Exchange cmdlets are there. The scheduled task and the Exchange Management Shell have
# loaded them; in a plain PowerShell the snap-in is added (2007, then 2010).
function Connect-Exchange {
    if (Get-Command Get-MailContact -ErrorAction SilentlyContinue) { return $true }
    foreach ($name in 'Microsoft.Exchange.Management.PowerShell.Admin',
                      'Microsoft.Exchange.Management.PowerShell.E2010') {
        if (Get-PSSnapin -Name $name -Registered -ErrorAction SilentlyContinue) {
            Add-PSSnapin -Name $name -ErrorAction SilentlyContinue
        }
    }
    if (Get-Command Get-MailContact -ErrorAction SilentlyContinue) { return $true }
    return $false
}

# A domain controller of this computer's domain; empty, and $mishap says why, when there is none.
function Get-DomainController {
    trap { $script:mishap = Get-ErrorText $_; continue }
    $script:mishap = ''
    $root = New-Object System.DirectoryServices.DirectoryEntry 'LDAP://RootDSE'
    return [string]$root.dnsHostName
}
