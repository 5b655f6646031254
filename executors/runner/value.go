package runner

import (
	"strconv"

	"cofre/executors/mask"
	"cofre/fsm/state"
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
			return secret.Value{}, mask.NoValue(n)
		}
		return j.candidate.Clone(), nil
	case mask.CurrentPassword:
		return j.decrypt(c)
	case mask.AuthPassword:
		if j.turned && !j.managed() {
			return j.candidate.Clone(), nil
		}
		return j.decrypt(j.auth)
	case "TOTP_TOKEN":
		switch {
		case c.OTP != nil:
			return j.code(c.OTP)
		case j.auth.OTP != nil:
			return j.code(j.auth.OTP)
		}
	}
	text := state.TagTexts(c, j.auth, d, j.endpoint().Port)[string(n)]
	if n == "OPERACAO_COD" {
		text = strconv.FormatUint(j.operation.Number, 10)
	}
	if text == "" && j.held != nil {
		if text = j.held.text()[n]; text == "" {
			return j.held.sealed(n)
		}
	}
	if text == "" {
		return secret.Value{}, mask.NoValue(n)
	}
	return secret.New([]byte(text)), nil
}
