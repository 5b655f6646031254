package model

// Effect is what a put did to what is stored.
type Effect string

// The effects of puts.
const (
	Created   Effect = "created"
	Changed   Effect = "changed"
	Unchanged Effect = "unchanged" // it stood there just so
)

// EffectOf names an effect.
func EffectOf(created, unchanged bool) Effect {
	switch {
	case created:
		return Created
	case unchanged:
		return Unchanged
	}
	return Changed
}
