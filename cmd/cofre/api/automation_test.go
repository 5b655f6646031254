package api

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// Policies by criteria, what the system starts by itself, and why a credential changes when it does.
func TestAutomation(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1", "--site", "north")
	h.run("template", "put", "passwd", h.file("t", "exec \"passwd\""), "--executor", "ssh")
	h.run("policy", "create", "low", "--for", "tags=linux", "--max-age", "720h")
	h.run("policy", "create", "prod", "--priority", "9", "--for", "tags=linux", "--for", "sites=north", "--days", "mon-fri", "--hours", "22-6", "--zone", "America/Sao_Paulo", "--verify-every", "24h", "--max-age", "24h")
	h.golden(`
policy  prod
state  enabled
password  20 characters, at least 3 lower, 3 upper, 3 digits, 2 symbols of !%@#^&*_
max age  24h
view expiry  off
change on release  yes
change on timeout  no
change on session  no
session expiry  off
one session  no
exclusive  no
custody  1h
attempts  execution parameter
interval between attempts  execution parameter
bad logins  4 in 15m
verify every  24h
priority  9
for  sites north and tags linux
window  mon,tue,wed,thu,fri 22-6 America/Sao_Paulo
revision  1
`, "policy", "show", "prod")
	h.refused("there is no time zone", "policy", "update", "prod", "--zone", "Mars")
	h.refused("days are written as", "policy", "update", "prod", "--days", "monday")
	h.refused("hours are written as", "policy", "update", "prod", "--hours", "22")
	h.refused("write it as tags=prod", "policy", "update", "prod", "--for", "colour=red")
	h.run("credential", "create", "root", "--hostname", "web1", "--username", "root", "--tag", "linux", "--template", "passwd", "--automatic", "--generate")
	h.golden(`
policy  prod
because  of the policies whose criteria fit it has the highest priority
changes at  never by itself
decided by  the first change is asked for by a person: cofre operation request
verified at  TIME

POLICY  PRIORITY  FITS
prod  9  yes
low  0  yes
`, "credential", "explain", "root")
	h.run("credential", "update", "root", "--tag", "windows")
	h.golden(`
policy  default
because  no policy's criteria fit: it is the default one
changes at  never by itself
decided by  the first change is asked for by a person: cofre operation request
verified at  never by itself

POLICY  PRIORITY  FITS
prod  9  no: tags
low  0  no: tags
`, "credential", "explain", "root")
	h.run("automation", "set", "--share", "10", "--failures", "5", "--lanes", "2", "--executor", "ssh=20", "--error-interval", "48h",
		"--attempts", "3", "--retry-interval", "0s", "--read-timeout", "1m", "--records", "500", "--hours", "0-24", "--zone", "America/Sao_Paulo")
	h.run("automation", "freeze", "year-end", "--from", "2999-12-20T00:00:00Z", "--until", "2999-12-30T00:00:00Z")
	h.golden(`
automation  running
due now  0
this hour  0 started, 100 more may start
this minute  0 started of 500
failed in a row  0
share  10 % an hour, at least 100
stops after  5 failures in a row
lanes of a device  2
executors  ssh 20
attempts  3
interval between attempts  none
interval after errors  48h
connection timeout  of each executor
readout timeout  1m
execution hours  0-24 America/Sao_Paulo
revision  2

FREEZE  FROM  UNTIL
year-end  TIME  TIME
`, "automation", "show")
	h.refused("attempts is 11, it must be between 1 and 10", "automation", "set", "--attempts", "11")
	h.refused("error_interval is 1h0m0s, it must be between 24h0m0s and 168h0m0s", "automation", "set", "--error-interval", "1h")
	h.refused("share is 0", "automation", "set", "--share", "0")
	h.refused("write it as ssh=20", "automation", "set", "--executor", "ssh")
	h.run("automation", "thaw", "year-end")
	h.refused("there is no such freeze", "automation", "thaw", "year-end")
	h.run("automation", "stop")
	h.refused("stopped already", "automation", "stop")
	if out := h.run("automation", "resume"); !strings.Contains(out, "running") {
		t.Error(out)
	}
	h.run("operation", "request", "root", "--not-before", time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339))
	if out := h.run("operation", "run", "1"); !strings.Contains(out, "run now") {
		t.Error(out)
	}
	h.run("operation", "cancel", "1")
	h.refused("only one that waits", "operation", "run", "1")
}

// Execution profiles: what a new credential takes, and why.
func TestExecutionProfiles(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1", "--site", "north")
	h.run("template", "put", "passwd", h.file("t", "exec \"passwd\""), "--executor", "ssh")
	h.run("execution-profile", "create", "linux", "--priority", "5", "--for", "sites=north", "--template", "passwd", "--automatic", "--immediate", "--first-after", "10m")
	h.run("execution-profile", "create", "mac", "--for", "device_types=Mac", "--template", "passwd")
	h.golden(`
profile  linux
state  enabled
priority  5
for  sites north
executor  ssh
template  passwd
logs in as  itself
automatic  yes
first change  after 10m
revision  1
`, "execution-profile", "show", "linux")
	h.run("credential", "create", "app", "--hostname", "web1", "--username", "app", "--generate")
	h.golden(`
profile  linux
policy  default
because  no policy's criteria fit: it is the default one
changes at  TIME
decided by  its profile asks for the first change
verified at  never by itself

PROFILE  PRIORITY  FITS
linux  5  yes
mac  1  no: device_types
`, "credential", "explain", "app")
	h.refused("priority is 300", "execution-profile", "update", "linux", "--priority", "300")
	h.refused("a profile is for a device", "execution-profile", "update", "linux", "--device", "web1")
	h.golden("NAME  STATE  PRIORITY  FOR  EXECUTOR  TEMPLATE  LOGS-IN  AUTOMATIC  FIRST-CHANGE\nlinux  enabled  5  sites north  ssh  passwd  itself  yes  after 10m\nmac  enabled  1  device_types Mac  ssh  passwd  itself  no  when asked for\n", "execution-profile", "list")
	h.run("template", "put", "on", h.file("on", "exec \"on\""), "--executor", "ssh", "--kind", "Enable credential")
	h.run("template", "put", "off", h.file("off", "exec \"off\""), "--executor", "ssh", "--kind", "Disable credential")
	h.run("credential", "create", "manager", "--hostname", "web1", "--username", "manager", "--generate")
	h.refused("needs another one that logs in", "execution-profile", "create", "locked", "--device", "web1", "--template", "passwd", "--activate", "on", "--deactivate", "off")
	h.refused("needs two templates", "execution-profile", "create", "locked", "--device", "web1", "--template", "passwd", "--authentication", "manager", "--activate", "on")
	h.refused("there is no such template", "execution-profile", "create", "locked", "--device", "web1", "--template", "passwd", "--authentication", "manager", "--activate", "nope")
	h.golden(`
profile  locked
state  enabled
priority  0
for  device web1
executor  ssh
template  passwd
logs in as  manager
for sessions  opened by on, closed by off
automatic  no
first change  when asked for
revision  1
`, "execution-profile", "create", "locked", "--device", "web1", "--template", "passwd", "--authentication", "manager", "--activate", "on", "--deactivate", "off")
	h.run("credential", "create", "guest", "--hostname", "web1", "--username", "guest", "--generate")
	if out := h.run("credential", "show", "guest"); !strings.Contains(out, "on and off by manager") {
		t.Error(out)
	}
	h.run("execution-profile", "update", "mac", "--auth-user", "manager", "--enabled=false")
	h.run("execution-profile", "delete", "mac")
	h.refused("there is no such execution profile", "execution-profile", "show", "mac")
}

// Many operations at once: each is decided for itself; lists are narrowed, and printed as CSV.
func TestBulk(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("template", "put", "passwd", h.file("t", "exec \"passwd\""), "--executor", "ssh")
	if out := h.run("credential", "create", "deploy", "--ssh", "--hostname", "web1", "--username", "deploy", "--ssh-name", "ci", "--generate"); !strings.Contains(out, "ssh-ed25519 ") || strings.Contains(out, "PRIVATE") {
		t.Error(out)
	}
	h.run("credential", "create", "root", "--hostname", "web1", "--username", "root", "--template", "passwd", "--generate")
	h.run("credential", "create", "app", "--hostname", "web1", "--username", "=app", "--template", "passwd", "--generate")
	out, _, err := h.try("", "operation", "request", "root", "none", "app")
	out = regexp.MustCompile(` [12] `).ReplaceAllString(steady(out), " N ") // they are asked for side by side
	if err == nil || !strings.Contains(err.Error(), "1 of 3 were refused") || out != "NAME  NUMBER  STATE  ERROR\nroot  N  ready  -\nnone  -  -  Credential not found\napp  N  ready  -\n" {
		t.Errorf("%v\n%s", err, out)
	}
	h.golden("NAME  NUMBER  STATE  ERROR\n1  1  cancelled  -\n2  2  cancelled  -\n", "operation", "cancel", "1", "2")
	h.refused("2 of 2 were refused", "operation", "retry", "1", "2")
	h.refused("not for CSV", "operation", "request", "root", "--capture", "--csv")
	h.run("operation", "request", "root")
	if out := h.run("operation", "cancel", "3", "--csv"); out != "NAME,NUMBER,STATE,ERROR\n3,3,cancelled,\n" {
		t.Errorf("one as CSV: %q", out)
	}
	h.refused("unknown flag: --csv", "operation", "show", "3", "--csv")
	if out := h.run("operation", "list", "--device", "web1", "--executor", "ssh", "--trigger", "request", "--state", "cancelled", "--since", "2020-01-01T00:00:00Z", "--csv"); strings.Count(out, "\n") != 4 || !strings.HasPrefix(out, "NUMBER,KIND,CREDENTIAL,") {
		t.Error(out)
	}
	if out := h.run("credential", "list", "--csv"); !strings.Contains(out, ",'=app,") {
		t.Error("a formula: " + out)
	}
	for _, none := range [][]string{{"--executor", "telnet", "--until", "2999-01-01T00:00:00Z"}, {"--until", "2020-01-01T00:00:00Z"}, {"--since", "2999-01-01T00:00:00Z"}} {
		if out := h.run(append([]string{"operation", "list", "--csv"}, none...)...); strings.Count(out, "\n") != 1 {
			t.Errorf("%v: %s", none, out)
		}
	}
	h.refused("a time is written like", "operation", "list", "--since", "yesterday")
}
