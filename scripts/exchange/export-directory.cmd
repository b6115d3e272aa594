@echo off
rem export-directory.cmd - writes the recipients of one domain as LDIF with ldifde.exe: which address
rem belongs to whom, and in which forest that mailbox lives. For Exchange 2000 and 2003, which have no
rem PowerShell cmdlets; works beside 2007 and 2010 as well. It only reads the directory.
rem
rem USAGE
rem   export-directory.cmd [/dryrun] FILE BASEDN [SERVER]
rem
rem   /dryrun  shows the command, runs nothing
rem   FILE     where the table goes; the one that stood there stays as FILE.old
rem   BASEDN   the domain, in quotation marks: "DC=foresta,DC=example". With several domains run it
rem            once for each: the global catalog does not hold every attribute (check on your system)
rem   SERVER   domain controller to ask; without it ldifde chooses one
rem
rem EXIT CODE
rem   0  done     1  ldifde failed, the old table still stands     2  could not begin
rem
rem EXAMPLE
rem   export-directory.cmd D:\gateway\foresta.ldf "DC=foresta,DC=example" dc1.foresta.example
rem
rem FILE with a blank needs quotation marks as well.

setlocal
set "dryrun="
if /i "%~1"=="/dryrun" (
    set "dryrun=yes"
    shift
)
if "%~1"=="" goto usage
if "%~2"=="" goto usage
rem More words than that: the commas of a BASEDN without quotation marks have parted it.
if not "%~4"=="" goto usage

set "out=%~f1"
set "base=%~2"
set "server="
if not "%~3"=="" set "server=-s "%~3""

rem The filter takes whatever has an address or leads to one. No -u: plain ASCII, other letters come
rem as base64 of UTF-8 (RFC 2849), so no code page can spoil them. -j: ldifde's log goes into a folder.
set "filter=(|(proxyAddresses=*)(targetAddress=*))"
set "attributes=objectClass,mail,proxyAddresses,targetAddress,legacyExchangeDN,mailNickname,displayName,homeMDB,msExchHomeServerName,msExchMailboxGuid,msExchHideFromAddressLists"

set "ldifde=%SystemRoot%\system32\ldifde.exe"
if defined dryrun goto show
if not exist "%ldifde%" goto missing
if exist "%out%.new" del "%out%.new"
"%ldifde%" -f "%out%.new" %server% -d "%base%" -p subtree -r "%filter%" -l "%attributes%" -j "%TEMP%"
if errorlevel 1 goto failed
if not exist "%out%.new" goto failed
if exist "%out%" copy /y "%out%" "%out%.old" >nul
move /y "%out%.new" "%out%" >nul
if errorlevel 1 goto failed
echo export-directory: written: "%out%"
exit /b 0

:show
echo "%ldifde%" -f "%out%.new" %server% -d "%base%" -p subtree -r "%filter%" -l "%attributes%" -j "%TEMP%"
exit /b 0

:missing
echo export-directory: no "%ldifde%": run this on a domain controller
exit /b 2

:failed
echo export-directory: failed; ldifde's log is ldif.log in "%TEMP%". The old table still stands.
exit /b 1

:usage
echo usage: export-directory.cmd [/dryrun] FILE "BASEDN" [SERVER]
exit /b 2
