package dialogue

import "regexp"

// refusals are the words with which password programs say that nothing was changed. They count only over a live
// connection and only in what came after the new secret was sent for the last time.
var refusals = []struct {
	words *regexp.Regexp
	means string
}{
	{regexp.MustCompile(`(?i)authentication token manipulation error`), "authentication token manipulation error"},
	{regexp.MustCompile(`(?i)authentication token lock busy`), "authentication token lock busy"},
	{regexp.MustCompile(`(?i)passwords? (is |was |has been left )?unchanged`), "the password is unchanged"},
	{regexp.MustCompile(`(?i)you must (choose|wait)`), "the target wants a better or later password"},
	{regexp.MustCompile(`(?i)passwords? (do|does|did) not match`), "the two passwords did not match"},
	{regexp.MustCompile(`(?i)password has been already used`), "the password was used before"},
	{regexp.MustCompile(`(?i)pam_chauthtok\(\) failed`), "the target's password policy refused"},
	{regexp.MustCompile(`(?i)is not in the sudoers file|not allowed to execute|sudo: a password is required`), "sudo is not allowed"},
	// To root this is only a warning; what makes it a refusal is that the question comes again.
	{regexp.MustCompile(`(?ism)bad password.*^(enter )?new( \w+)? password:`), "the target says: bad password"},
}

// denial is how programs that ask for a password within a session, such as su, sudo and enable, say that it is wrong.
var denial = regexp.MustCompile(`(?i)authentication (failure|failed)|(incorrect|wrong|bad|invalid) (password|passcode|secrets?)|sorry, try again|^\s*sorry\s*$|(access|permission) denied|login incorrect`)

// expired is how targets say that a login goes on with nothing but a new password.
var expired = regexp.MustCompile(`(?i)password (has|is) expired|(required to|must) change your password`)

// refusal finds what the target said no with; "" if it did not.
func refusal(output []byte) string {
	for _, r := range refusals {
		if r.words.Match(output) {
			return r.means
		}
	}
	return ""
}
