package target

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// quick replaces what the distribution's services of PAM include. Most of a login's time goes into a hash that is slow by intent and
// into messages of the day, and a wrong password waits; what modules say and demand stays the distribution's.
var quick = map[string]string{
	"common-auth":     "auth requisite pam_unix.so nullok nodelay\n",
	"common-password": "password requisite pam_unix.so obscure sha512 rounds=1000\n",
	"common-session":  "session required pam_unix.so\n",
	"sshd":            "@include common-auth\n@include common-account\n@include common-session\nsession optional pam_motd.so noupdate\nsession optional pam_limits.so\n@include common-password\n",
}

// quickPAM writes the services of PAM of this machine, those above instead of the distribution's, into a folder.
func quickPAM(dir string) (folder string, err error) {
	folder = filepath.Join(dir, "pam.d")
	if err := os.CopyFS(folder, os.DirFS("/etc/pam.d")); err != nil {
		return "", fmt.Errorf("the services of PAM: %w", err)
	}
	for name, text := range quick {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	return folder, err
}

// withPAM is a command that sees the services of PAM in a folder instead of this machine's, in a mount namespace of its own, and so
// does all that it starts. Without a folder it is the command.
func withPAM(folder, name string, args ...string) *exec.Cmd {
	if folder == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("unshare", append([]string{"--mount", "sh", "-c", `mount --bind "$0" /etc/pam.d && exec "$@"`, folder, name}, args...)...)
}
