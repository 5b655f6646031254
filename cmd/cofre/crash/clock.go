package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// leaps are the steps of a node's clock. The small ones are too small for its commands to be refused; they are longer than
// a lease with its grace.
var leaps = []time.Duration{80 * 365 * 24 * time.Hour, -24 * time.Hour, 50 * time.Second, -50 * time.Second}

// shifted is clock_gettime, with the seconds behind it (at shiftedBy) added to what CLOCK_REALTIME shows: timers and
// spans stay as they are.
var shifted = []byte{
	0xb8, 0xe4, 0, 0, 0, // mov  eax, 228 (clock_gettime)
	0x0f, 0x05, //          syscall
	0x85, 0xff, //          test edi, edi (CLOCK_REALTIME)
	0x75, 0x0a, //          jnz  to ret
	0x48, 0x8b, 0x0d, 6, 0, 0, 0, // mov rcx, [shiftedBy]
	0x48, 0x01, 0x0e, //    add  [rsi], rcx
	0xc3,       //          ret
	0x90, 0x90, // the number is aligned
}

const shiftedBy = 24

// leap puts the clock of the running server ahead of this machine's, or behind it: at once, in the process itself, with
// no word to it. The kernel has no namespace for this clock, and a binary without C has no library to stand between. So the
// page through which the process reads the clock (vDSO), which becomes its own by writing, leads to shifted.
func (n *node) leap(ahead time.Duration) (err error) {
	if runtime.GOARCH != "amd64" {
		return errors.New("clocks leap on amd64 only")
	}
	if err := n.signal(syscall.SIGSTOP); err != nil { // nobody reads the clock meanwhile
		return err
	}
	defer func() { err = errors.Join(err, n.signal(syscall.SIGCONT)) }()
	pid := n.pid()
	base, image, err := vdso(pid)
	if err != nil {
		return err
	}
	entry, free, err := clockOf(image)
	if err != nil {
		return err
	}
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	code := binary.LittleEndian.AppendUint64(bytes.Clone(shifted), uint64(int64(ahead/time.Second)))
	jump := binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(free-entry-5))
	_, err = memory.WriteAt(code, base+free)
	if err == nil {
		_, err = memory.WriteAt(jump, base+entry)
	}
	return errors.Join(err, memory.Close())
}

// vdso reads a process's page of the clock, and where it is.
func vdso(pid int) (base int64, image []byte, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, nil, err
	}
	for line := range strings.Lines(string(maps)) {
		if !strings.HasSuffix(line, "[vdso]\n") {
			continue
		}
		from, to, _ := strings.Cut(strings.Fields(line)[0], "-")
		base, err1 := strconv.ParseInt(from, 16, 64)
		end, err2 := strconv.ParseInt(to, 16, 64)
		memory, err3 := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
		if err := errors.Join(err1, err2, err3); err != nil {
			return 0, nil, err
		}
		image = make([]byte, end-base)
		_, err = memory.ReadAt(image, base)
		return base, image, errors.Join(err, memory.Close())
	}
	return 0, nil, fmt.Errorf("process %d has no vDSO", pid)
}

// clockOf finds the clock and room behind the code, which is the same whether shifted stands there already or not.
func clockOf(image []byte) (entry, free int64, err error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, 0, fmt.Errorf("read the vDSO: %w", err)
	}
	for _, s := range f.Sections {
		free = max(free, int64(s.Offset+s.Size))
	}
	// The table of sections is the last thing in the file; a process has no use for it.
	free = max(free, int64(binary.LittleEndian.Uint64(image[0x28:]))+int64(len(f.Sections))*64)
	free = (free + 15) &^ 15
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return 0, 0, fmt.Errorf("read the vDSO: %w", err)
	}
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" && free+shiftedBy+8 <= int64(len(image)) {
			return int64(s.Value), free, nil
		}
	}
	return 0, 0, errors.New("the vDSO has no clock, or no room")
}
