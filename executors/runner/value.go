package runner

import (
	"fmt"
	"strconv"

	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// ofUser are the words by which templates for secrets of applications know a dynamic user.
var ofUser = map[mask.Name]mask.Name{
	"CREDENTIAL_USERNAME": mask.Username, "CREDENTIAL_PASSWORD": mask.NewPassword, "CREDENTIAL_HOSTNAME": "HOSTNAME", "CREDENTIAL_ADDITIONAL_INFORMATION": mask.AddInfo,
}

// resolve gives the value of a hole; the caller owns it.
func (j *job) resolve(n mask.Name) (secret.Value, error) {
	c, d := j.credential, j.device
	if j.user != nil {
		if other, ok := ofUser[n]; ok {
			n = other
		}
		if n == "CREDENTIAL_TTL" {
			return secret.New(strconv.AppendInt(nil, j.user.TTL/1000, 10)), nil
		}
	}
	switch n {
	case mask.NewPassword:
		if j.candidate.Len() == 0 {
			return secret.Value{}, fmt.Errorf("%s: %w", n, mask.ErrNoValue)
		}
		return j.candidate.Clone(), nil
	case mask.CurrentPassword:
		return j.decrypt(c)
	case mask.AuthPassword:
		return j.decrypt(j.auth)
	case "TOTP_TOKEN":
		switch {
		case c.OTP != nil:
			return j.code(c.OTP)
		case j.auth.OTP != nil:
			return j.code(j.auth.OTP)
		}
	}
	text := map[mask.Name]string{
		mask.Username: c.Username, mask.AuthUser: j.auth.Username, "AUTH_DOMAIN": either(j.auth.Domain, d.Domain), mask.AddInfo: c.Additional,
		"IP": d.IP, "HOSTNAME": d.Hostname, "DOMAIN": either(c.Domain, d.Domain),
		"CONNECT_IP": d.Address(), "CONNECT_PORT": portText(j.endpoint().Port), "SERVER_PATH": serverPath(c), "OPERACAO_COD": strconv.FormatUint(j.operation.Number, 10),
	}[n]
	if text == "" && j.held != nil {
		if text = j.held.text()[n]; text == "" {
			return j.held.sealed(n)
		}
	}
	if text == "" {
		return secret.Value{}, fmt.Errorf("%s: %w", n, mask.ErrNoValue)
	}
	return secret.New([]byte(text)), nil
}

// portText is a port as text; one that the device does not list has no value here, because only the executor knows its default.
func portText(port uint16) string {
	if port == 0 {
		return ""
	}
	return strconv.Itoa(int(port))
}

func serverPath(c *model.Credential) string {
	if c.Settings == nil {
		return ""
	}
	return c.Settings.ServerPath
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
