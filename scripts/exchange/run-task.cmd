@echo off
rem run-task.cmd - what the task scheduler starts: runs NAME.task.ps1 of this folder in PowerShell with
rem the Exchange cmdlets, and hands its exit code to the scheduler. register-task.ps1 writes that file.
rem
rem USAGE
rem   run-task.cmd NAME
rem
rem EXIT CODE
rem   that of the script; 2 when PowerShell could not run it (no Exchange here, execution policy)
rem
rem What the last run showed stands in NAME.task.out.
rem
rem Why this file is between: a task's command may have 261 characters, an at.exe one fewer; the
rem PowerShell line below is longer.

setlocal
if "%~1"=="" goto usage
set "task=%~dp0%~1.task.ps1"
set "seen=%~dp0%~1.task.out"
if not exist "%task%" goto missing

rem Exchange 2007, then 2010, say in the registry where they are.
set "exchange2007="
set "exchange2010="
for /f "tokens=2,*" %%a in ('reg query "HKLM\SOFTWARE\Microsoft\Exchange\Setup" /v MsiInstallPath 2^>nul ^| find "REG_SZ"') do set "exchange2007=%%b"
for /f "tokens=2,*" %%a in ('reg query "HKLM\SOFTWARE\Microsoft\ExchangeServer\v14\Setup" /v MsiInstallPath 2^>nul ^| find "REG_SZ"') do set "exchange2010=%%b"
set "powershell=%SystemRoot%\system32\WindowsPowerShell\v1.0\powershell.exe"
if defined exchange2007 if exist "%exchange2007%bin\exshell.psc1" goto run2007
if defined exchange2010 if exist "%exchange2010%bin\RemoteExchange.ps1" goto run2010
echo run-task: no Exchange 2007 or 2010 management tools on this computer
exit /b 2

rem $LASTEXITCODE is set first: a script that never began leaves it as it was, and must not count as
rem done. -NonInteractive: a question nobody can answer becomes an error instead of waiting for ever.
:run2007
"%powershell%" -PsConsoleFile "%exchange2007%bin\exshell.psc1" -NoProfile -NonInteractive -Command "$LASTEXITCODE = 2; . '%task%'; exit $LASTEXITCODE" >"%seen%" 2>&1
exit /b %ERRORLEVEL%

rem 2010 has its cmdlets in a remote session, which RemoteExchange.ps1 opens (check on your system).
:run2010
"%powershell%" -NoProfile -NonInteractive -Command ". '%exchange2010%bin\RemoteExchange.ps1'; Connect-ExchangeServer -auto; $LASTEXITCODE = 2; . '%task%'; exit $LASTEXITCODE" >"%seen%" 2>&1
exit /b %ERRORLEVEL%

:missing
echo run-task: there is no "%task%": register it with register-task.ps1
exit /b 2

:usage
echo usage: run-task.cmd NAME
exit /b 2
