package e2e

import (
	wire "encoding/binary"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Recording is what went over this machine's loopback to and from a range of ports, one stream per direction of a
// connection. Making one needs root.
type Recording struct {
	t     *testing.T
	fd    int
	low   uint16
	high  uint16
	ended sync.WaitGroup
	stop  chan struct{}

	mu      sync.Mutex // guards what follows
	streams map[[2]uint16][]byte
	bytes   int
}

// Record begins to listen.
func Record(t *testing.T, low, high int) *Recording {
	t.Helper()
	const every = unix.ETH_P_ALL>>8 | unix.ETH_P_ALL&0xff<<8 // in the order of the network
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, every)
	if err != nil {
		t.Fatalf("record the loopback (needs root): %v", err)
	}
	lo, err := net.InterfaceByName("lo")
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 256<<20)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: every, Ifindex: lo.Index})
	}
	if err == nil {
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
	}
	if err != nil {
		t.Fatalf("record the loopback: %v", err)
	}
	r := &Recording{t: t, fd: fd, low: uint16(low), high: uint16(high), stop: make(chan struct{}), streams: map[[2]uint16][]byte{}}
	r.ended.Go(r.run)
	return r
}

func (r *Recording) run() {
	frame := make([]byte, 128<<10)
	for {
		n, from, err := unix.Recvfrom(r.fd, frame, 0)
		if err == nil {
			if l, ok := from.(*unix.SockaddrLinklayer); ok && l.Pkttype != unix.PACKET_OUTGOING { // each frame passes twice
				r.take(frame[:n])
			}
			continue
		}
		select {
		case <-r.stop:
			return
		default:
		}
	}
}

// take keeps the payload of a frame of IPv4 with TCP or UDP.
func (r *Recording) take(frame []byte) {
	const ethernet = 14
	if len(frame) < ethernet+20 || wire.BigEndian.Uint16(frame[12:]) != unix.ETH_P_IP {
		return
	}
	ip := frame[ethernet:]
	header, length := int(ip[0]&15)*4, int(wire.BigEndian.Uint16(ip[2:]))
	if length == 0 || length > len(ip) { // segments that the kernel did not cut carry no length
		length = len(ip)
	}
	body := ip[min(header, length):length]
	if len(body) < 20 && (ip[9] != syscall.IPPROTO_UDP || len(body) < 8) {
		return
	}
	ports := [2]uint16{wire.BigEndian.Uint16(body), wire.BigEndian.Uint16(body[2:])}
	if !r.wanted(ports[0]) && !r.wanted(ports[1]) {
		return
	}
	payload := body[8:]
	if ip[9] == syscall.IPPROTO_TCP {
		payload = body[min(int(body[12]>>4)*4, len(body)):]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams[ports] = append(r.streams[ports], payload...)
	r.bytes += len(payload)
}

func (r *Recording) wanted(port uint16) bool { return port >= r.low && port < r.high }

// End stops and gives the streams; frames that the kernel had to drop fail the test.
func (r *Recording) End() map[[2]uint16][]byte {
	r.t.Helper()
	<-time.After(200 * time.Millisecond) // what is on its way
	close(r.stop)
	r.ended.Wait()
	stats, err := unix.GetsockoptTpacketStats(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil || stats.Drops > 0 {
		r.t.Errorf("the recording is not complete: %v %+v", err, stats)
	}
	_ = unix.Close(r.fd)
	return r.streams
}
