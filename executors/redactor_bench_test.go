package executors

import (
	"strings"
	"testing"

	"cofre/vault/secret"
)

// BenchmarkRedactor is what one change costs: two passwords and a verifier made of one of them are learnt, and the answers
// of a target are read.
func BenchmarkRedactor(b *testing.B) {
	secrets := []string{"gR7#vbn2!kQw0_zX9sLpA4", "Tt6$hYmN-83jdLqPw+aZcV5", "SCRAM-SHA-256$4096:q2V5c2FsdHNhbHRzYWx0IQ==$" + strings.Repeat("Zm9vYmFy", 6) + ":" + strings.Repeat("YmFyZm9v", 6)}
	for _, c := range []struct{ name, text string }{{"short", "ALTER ROLE"}, {"screen", strings.Repeat("the quick brown fox jumps over the lazy dog\r\n", 45)}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := &Redactor{}
				for _, s := range secrets {
					r.Add(secret.New([]byte(s)))
				}
				if r.Text(c.text) == Redacted {
					b.Fatal("it hides what is no secret")
				}
			}
		})
	}
}
