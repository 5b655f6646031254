package table_test

import (
	"fmt"
	"testing"

	"cofre/fsm/table"
)

// BenchmarkPut is what most commands do: new rows, and rows that change without their index keys.
func BenchmarkPut(b *testing.B) {
	s := open(b)
	commit(s, func(tx *table.Tx) {
		for i := range 10000 {
			items.Put(tx, &item{Key: fmt.Sprintf("old-%d", i), Group: fmt.Sprintf("g%d", i%100), Tags: []string{"x", "y"}})
		}
	})
	n := 0
	many := func(row func() *item) func(*testing.B) {
		return func(b *testing.B) {
			batch := s.Begin()
			for i := 0; b.Loop(); i++ {
				if i%100 == 99 {
					batch.Commit()
					batch = s.Begin()
				}
				items.Put(batch.Tx(table.Stamp{}), row())
			}
			batch.Commit()
		}
	}
	b.Run("new", many(func() *item {
		n++
		return &item{Key: fmt.Sprintf("new-%d", n), Group: "g", Tags: []string{"x", "y"}}
	}))
	b.Run("same index keys", many(func() *item {
		n++
		return &item{Key: fmt.Sprintf("old-%d", n%10000), Group: fmt.Sprintf("g%d", n%10000%100), Tags: []string{"x", "y"}, At: uint64(n)}
	}))
}
