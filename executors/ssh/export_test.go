package ssh

import "fmt"

// AddScript is what Add runs on the target.
func AddScript(user, file, public string) string { return fmt.Sprintf(addKey, user, file, public) }
