package practice

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// session waits for a terminal and a shell, and runs it until both shell and channel have ended.
func (s *Server) session(user string, channel ssh.Channel, asked <-chan *ssh.Request, gone <-chan struct{}) {
	var wg sync.WaitGroup
	defer wg.Wait()
	echo, started := true, false
	for req := range asked {
		ok := !started
		switch req.Type {
		case "pty-req":
			echo = echoWanted(req.Payload)
		case "env":
		case "shell":
			if started {
				break
			}
			started = true
			sh := &shell{server: s, user: user, tty: terminal{channel: channel, echo: echo}, gone: gone}
			wg.Go(func() {
				defer channel.Close()
				sh.run()
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(sh.status)}))
			})
		default:
			ok = false
		}
		if req.WantReply {
			_ = req.Reply(ok, nil)
		}
	}
}

// echoWanted reads the terminal modes of a pty request (RFC 4254, section 8): opcode 53 is ECHO.
func echoWanted(payload []byte) bool {
	var req struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if ssh.Unmarshal(payload, &req) != nil {
		return true
	}
	for m := []byte(req.Modes); len(m) >= 5 && m[0] != 0 && m[0] < 160; m = m[5:] {
		if m[0] == ssh.ECHO {
			return binary.BigEndian.Uint32(m[1:]) != 0
		}
	}
	return true
}

// shell runs command lines.
type shell struct {
	server *Server
	user   string
	tty    terminal
	gone   <-chan struct{}
	status int
	done   bool
}

func (sh *shell) run() {
	for !sh.done {
		line, ok := sh.tty.ask(sh.user+"@practice:~$ ", false)
		if !ok {
			return
		}
		for _, command := range strings.Split(line, ";") {
			if sh.done {
				return
			}
			if fields := strings.Fields(command); len(fields) > 0 {
				sh.status = sh.command(fields)
			}
		}
	}
}

// command runs one command and returns its status. It knows what practice needs and says so for all else.
func (sh *shell) command(fields []string) int {
	for len(fields) > 1 && strings.HasPrefix(fields[0], "LC_ALL=") {
		fields = fields[1:]
	}
	switch fields[0] {
	case "passwd":
		return sh.passwd()
	case "echo":
		sh.tty.say(strings.NewReplacer("$?", strconv.Itoa(sh.status), "'", "").Replace(strings.Join(fields[1:], " ")) + "\n") // quotes are for the shell
		return 0
	case "whoami":
		sh.tty.say(sh.user + "\n")
		return 0
	case "true":
		return 0
	case "exit":
		sh.done = true
		return sh.status
	}
	sh.tty.say(fmt.Sprintf("bash: %s: command not found\n", fields[0]))
	return 127
}

// Numbers of the passwd command of Debian.
const (
	tokenError = 10 // its exit status when nothing was changed
	tries      = 3  // how often it asks for a better password
	shortest   = 6
)

// passwd is the dialogue of Debian's passwd with pam_unix.
func (sh *shell) passwd() int {
	sh.tty.say("Changing password for " + sh.user + ".\n")
	current, ok := sh.tty.ask("Current password: ", true)
	if !ok || !sh.server.CheckPassword(sh.user, current) {
		return sh.unchanged()
	}
	for range tries {
		fresh, ok := sh.tty.ask("New password: ", true)
		if !ok {
			break
		}
		again, ok := sh.tty.ask("Retype new password: ", true)
		if !ok {
			break
		}
		if fresh != again {
			sh.tty.say("Sorry, passwords do not match.\n")
			break
		}
		if objection := weak(current, fresh); objection != "" {
			sh.tty.say(objection + "\n")
			continue
		}
		if !sh.server.change(sh.user, fresh, sh.gone) {
			sh.done = true
			return tokenError
		}
		sh.tty.say("passwd: password updated successfully\n")
		return 0
	}
	return sh.unchanged()
}

func (sh *shell) unchanged() int {
	sh.tty.say("passwd: Authentication token manipulation error\npasswd: password unchanged\n")
	return tokenError
}

// weak says what is wrong with a new password; "" if nothing is.
func weak(current, fresh string) string {
	switch {
	case fresh == current:
		return "The password has not been changed."
	case len(fresh) < shortest:
		return "You must choose a longer password."
	case strings.EqualFold(fresh, current):
		return "Bad: new and old password are too similar."
	}
	return ""
}
