package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

func main() {
	d, _ := os.MkdirTemp("", "wal")
	w, err := wal.Open(d)
	fmt.Println(err)
	for i := 1; i <= 100; i++ {
		if err := w.StoreLog(&raft.Log{Index: uint64(i), Term: 1, Data: make([]byte, 1000)}); err != nil {
			panic(err)
		}
	}
	w.Close()
	fs, _ := filepath.Glob(d + "/*.wal")
	b, _ := os.ReadFile(fs[0])
	fmt.Println(fs, len(b))
	b[50000] ^= 1
	os.WriteFile(fs[0], b, 0o600)
	w, err = wal.Open(d)
	fmt.Println("open after flip:", err)
	if err == nil {
		l, err := w.LastIndex()
		fmt.Println("last index", l, err)
	}
}
