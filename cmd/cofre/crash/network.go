package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

const size = 3 // nodes

// network is a bridge on the host with one namespace per node.
type network struct {
	bridge string
	prefix string // of names, unique for this process
	subnet string // a.b.c
	host   string // the bridge's address: where the targets are
}

func tool(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func newNetwork() (*network, error) {
	pid := os.Getpid()
	n := &network{bridge: fmt.Sprintf("cfb%d", pid%100000), prefix: fmt.Sprintf("cofre-t%d", pid%100000), subnet: fmt.Sprintf("10.%d.%d", 64+pid/250%64, pid%250)}
	n.host = n.subnet + ".254"
	for _, c := range [][]string{{"link", "add", n.bridge, "type", "bridge"}, {"addr", "add", n.host + "/24", "dev", n.bridge}, {"link", "set", n.bridge, "up"}} {
		if err := tool("ip", c...); err != nil {
			return n, err
		}
	}
	for i := range size {
		ns, veth := n.space(i), n.veth(i)
		for _, c := range [][]string{
			{"netns", "add", ns}, {"link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", ns},
			{"link", "set", veth, "master", n.bridge, "up"}, {"-n", ns, "addr", "add", n.addr(i) + "/24", "dev", "eth0"},
			{"-n", ns, "link", "set", "eth0", "up"}, {"-n", ns, "link", "set", "lo", "up"},
		} {
			if err := tool("ip", c...); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (n *network) space(i int) string { return fmt.Sprintf("%s-%d", n.prefix, i+1) }
func (n *network) veth(i int) string  { return fmt.Sprintf("%s-%d", n.bridge, i+1) }
func (n *network) addr(i int) string  { return fmt.Sprintf("%s.%d", n.subnet, i+1) }

// rule adds a dropping rule inside a node's namespace.
func (n *network) rule(i int, args ...string) error {
	return tool("ip", append(append([]string{"netns", "exec", n.space(i), "iptables", "-w", "-A"}, args...), "-j", "DROP")...)
}

// cut names the ways in which a node can lose its network.
type cut string

const (
	cutPeers   cut = "from peers"           // both ways; it still reaches the targets: the dangerous one
	cutIn      cut = "from peers, inwards"  // it hears no peer, peers hear it
	cutOut     cut = "from peers, outwards" // peers do not hear it, it hears them
	cutAnswers cut = "from answers of targets"
	cutAll     cut = "from everything"
)

func (n *network) cut(i int, how cut) error {
	var errs []error
	for j := range size {
		if j == i {
			continue
		}
		if how == cutPeers || how == cutIn {
			errs = append(errs, n.rule(i, "INPUT", "-s", n.addr(j)))
		}
		if how == cutPeers || how == cutOut {
			errs = append(errs, n.rule(i, "OUTPUT", "-d", n.addr(j)))
		}
	}
	switch how {
	case cutAnswers:
		errs = append(errs, n.rule(i, "INPUT", "-s", n.host))
	case cutAll:
		errs = append(errs, tool("ip", "link", "set", n.veth(i), "down"))
	}
	return errors.Join(errs...)
}

func (n *network) heal(i int) error {
	return errors.Join(tool("ip", "netns", "exec", n.space(i), "iptables", "-w", "-F"), tool("ip", "link", "set", n.veth(i), "up"))
}

func (n *network) close() error {
	var errs []error
	for i := range size {
		if _, err := os.Stat("/sys/class/net/" + n.veth(i)); err == nil { // at once: a namespace gives its links back later
			errs = append(errs, tool("ip", "link", "del", n.veth(i)))
		}
		if _, err := os.Stat("/run/netns/" + n.space(i)); err == nil {
			errs = append(errs, tool("ip", "netns", "del", n.space(i)))
		}
	}
	if _, err := os.Stat("/sys/class/net/" + n.bridge); err == nil {
		errs = append(errs, tool("ip", "link", "del", n.bridge))
	}
	return errors.Join(errs...)
}
