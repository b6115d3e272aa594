# register-task.ps1 - has Windows run a script of this folder once a day, or no longer.
#
# It writes NAME.task.ps1 beside itself, which calls the script with its arguments, and registers
# run-task.cmd with the task scheduler (schtasks.exe, Windows 2003 and later) or with at.exe.
# Try the script by hand first, with -WhatIf; then give here the same arguments without it.
#
# PARAMETERS
#   -ScriptName <file>    finish-recipients.ps1 (default) or export-directory.ps1
#   -Arguments <text>     its arguments, as you would type them
#   -Name <word>          name of the task, letters, digits and hyphens; default: that of the script
#   -StartTime <HH:mm>    default 02:30
#   -Account <user>       who it runs as (DOMAIN\user); schtasks.exe asks for the password. Needed,
#                         but not with -UseAt
#   -UseAt                at.exe instead: it runs as the computer itself, which may lack the rights
#                         in Exchange (check on your system)
#   -Remove               undo: unregisters the task and deletes its files
#   -WhatIf               shows the file and the command, changes nothing
#
# EXIT CODE
#   0  registered, or removed
#   1  Windows refused the task, or a file cannot be written or deleted
#   2  could not begin: bad parameter, no such script, a folder whose name would not survive quoting
#
# EXAMPLE
#   .\register-task.ps1 -Arguments "-Contacts -Container 'foresta.example/FromMIIS'" -Account FORESTA\svc-finish -WhatIf

param(
    [string]$ScriptName = 'finish-recipients.ps1',
    [string]$Arguments,
    [string]$Name,
    [string]$StartTime = '02:30',
    [string]$Account,
    [switch]$UseAt,
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
    if ($ScriptName -notmatch '^[A-Za-z0-9-]+\.ps1$') { return '-ScriptName is the name of a script of this folder' }
    if (-not [System.IO.File]::Exists((Join-Path $folder $ScriptName))) { return 'there is no ' + $ScriptName + ' beside this script' }
    if ($Name -notmatch '^[A-Za-z0-9-]{1,40}$') { return '-Name is letters, digits and hyphens, at most 40' }
    if ($StartTime -notmatch '^([01][0-9]|2[0-3]):[0-5][0-9]$') { return '-StartTime is hours and minutes, 00:00 to 23:59' }
    if ($Arguments -match '[\x00-\x1f]') { return '-Arguments is one line' }
    if ($folder -match '[&<>()@^|%!''"]') { return 'move these scripts: the name of the folder holds one of & < > ( ) @ ^ | % ! and quotation marks' }
    if ($Remove -or $UseAt) { return '' }
    if ($Account -eq '') { return 'name the -Account that the task runs as' }
    if ($Account -match '["\x00-\x1f]') { return '-Account holds a quotation mark or a control character' }
    return ''
}

# The text of the file that run-task.cmd runs. No apostrophe can be in the folder's name.
function Get-TaskText {
    $lines = @(
        '# Written by register-task.ps1; run-task.cmd runs it every day. register-task.ps1 -Remove deletes it.',
        ("& '" + (Join-Path $folder $ScriptName) + "' " + $Arguments),
        'exit $LASTEXITCODE'
    )
    return [string]::Join("`r`n", $lines) + "`r`n"
}

# Windows Vista and 2008 have the new scheduler.
function Test-NewWindows {
    return ([System.Environment]::OSVersion.Version.Major -ge 6)
}

# The path of run-task.cmd without blanks, since at.exe loses quotation marks; empty = there is none.
function Get-ShortRunner {
    $files = New-Object -ComObject Scripting.FileSystemObject
    $short = [string]$files.GetFile((Join-Path $folder 'run-task.cmd')).ShortPath
    if ($short -match '\s') { return '' }
    return $short
}

# What schtasks.exe gets. Its own marks stand around the command, those of the command are escaped.
# 2003 wants seconds in the time and asks before it replaces a task; later Windows take no seconds,
# have /f for the answer, and need /rl for the full rights of an administrator (check on your system).
function Get-SchtasksLine([string]$runner) {
    $line = '/create /tn "forestgate-' + $Name + '" /sc DAILY /ru "' + $Account + '" /rp * /tr "\"' + $runner + '\" ' + $Name + '"'
    if (Test-NewWindows) { return $line + ' /st ' + $StartTime + ' /rl HIGHEST /f' }
    return $line + ' /st ' + $StartTime + ':00'
}

# What at.exe gets. The days are those of the month, by number: the short names of the weekdays are
# different in each language of Windows.
function Get-AtLine([string]$runner) {
    $days = [string]::Join(',', [string[]](1..31))
    return $StartTime + ' /every:' + $days + ' ' + $runner + ' ' + $Name
}

# Starts a program of Windows and waits; gives its exit code, and with -Read what it printed in
# $printed. The class hands the line over as it stands, where PowerShell 1.0 would add quotation marks
# of its own. Without -Read the program has the screen and the keyboard: schtasks.exe asks.
function Start-Program([string]$program, [string]$line, [switch]$Read) {
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = Join-Path $env:SystemRoot ('system32\' + $program)
    $start.Arguments = $line
    $start.UseShellExecute = $false
    $start.RedirectStandardOutput = [bool]$Read
    $process = [System.Diagnostics.Process]::Start($start)
    if ($Read) { $script:printed = $process.StandardOutput.ReadToEnd() }
    $process.WaitForExit()
    return $process.ExitCode
}

# Runs the command, or shows it; counts what Windows refuses.
function Invoke-Scheduler([string]$program, [string]$line) {
    trap { $script:refused++; Write-Log 'failed' ($program + ': ' + (Get-ErrorText $_)); continue }
    if ($WhatIf) {
        Write-Log 'would run' ($program + ' ' + $line)
        return
    }
    $code = Start-Program $program $line
    if ($code -ne 0) {
        $script:refused++
        Write-Log 'failed' ($program + ' ended with ' + $code + ': ' + $line)
    }
}

# The numbers of the at.exe jobs that run our task. -Name holds nothing that a pattern minds.
function Get-AtJobs {
    $ours = '\\run-task\.cmd\s+' + $Name + '\s*$'
    $script:printed = ''
    $code = Start-Program 'at.exe' '' -Read
    if ($code -ne 0) {
        $script:refused++
        Write-Log 'failed' ('at.exe cannot list its jobs: ' + $code)
    }
    foreach ($line in $script:printed.Split("`n")) {
        if ($line -match $ours -and $line -match '^\D*(\d+)\s') { $matches[1] }
    }
}

# Writes or deletes the file that run-task.cmd runs. Unicode, so every name survives.
function Set-TaskFile([string]$path) {
    trap { $script:refused++; Write-Log 'failed' ($path + ': ' + (Get-ErrorText $_)); continue }
    if ($WhatIf) {
        if ($Remove) { Write-Log 'would delete' $path } else { Write-Log 'would write' ($path + ': ' + (Get-TaskText)) }
        return
    }
    if ($Remove) {
        [System.IO.File]::Delete($path)
        [System.IO.File]::Delete([System.IO.Path]::ChangeExtension($path, '.out'))
    }
    else { [System.IO.File]::WriteAllText($path, (Get-TaskText), [System.Text.Encoding]::Unicode) }
}

# At.exe would add a second job beside the first: those of before go first.
function Remove-AtJobs {
    foreach ($number in @(Get-AtJobs)) {
        Invoke-Scheduler 'at.exe' ([string]$number + ' /delete')
    }
}

function Register-Task {
    $runner = Join-Path $folder 'run-task.cmd'
    if (-not $UseAt) {
        Invoke-Scheduler 'schtasks.exe' (Get-SchtasksLine $runner)
        return
    }
    $runner = Get-ShortRunner
    if ($runner -eq '') {
        $script:refused++
        Write-Log 'failed' 'at.exe takes no folder with blanks, and this one has no short name: move the scripts'
        return
    }
    Remove-AtJobs
    Invoke-Scheduler 'at.exe' (Get-AtLine $runner)
}

function Unregister-Task {
    if ($UseAt) { Remove-AtJobs }
    else { Invoke-Scheduler 'schtasks.exe' ('/delete /tn "forestgate-' + $Name + '" /f') }
}

$script:refused = 0
if ($Name -eq '') { $Name = $ScriptName -replace '\.ps1$', '' }
$complaint = Get-Complaint
if ($complaint -ne '') {
    Write-Log 'failed' $complaint
    exit 2
}
$taskFile = Join-Path $folder ($Name + '.task.ps1')
if ($Remove) {
    Unregister-Task
    if ($script:refused -eq 0) { Set-TaskFile $taskFile }
}
else {
    Set-TaskFile $taskFile
    if ($script:refused -eq 0) { Register-Task }
}
if ($script:refused -gt 0) { exit 1 }
if (-not $WhatIf) { Write-Log 'done' ('forestgate-' + $Name) }
exit 0
