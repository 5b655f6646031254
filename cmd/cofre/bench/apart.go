package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// memory is where files of targets stand that are apart.
const memory = "/dev/shm"

// apart starts a target that takes nothing from the nodes, as one on a machine of its own would: it gets the time of a
// processor that nobody else wants. What start starts inherits that from its thread, which ends afterwards.
func apart(start func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
			done <- fmt.Errorf("start a target apart: %w", err)
			return
		}
		done <- start()
	}()
	return <-done
}
