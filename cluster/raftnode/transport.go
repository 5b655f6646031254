package raftnode

import (
	"strings"
	"time"

	"github.com/hashicorp/raft"
	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
)

// PeerAddress is how raft names a server: node@host:port. Whoever connects insists on the node, because raft counts a
// vote for the address that it asked.
func PeerAddress(node model.NodeID, hostPort string) raft.ServerAddress {
	return raft.ServerAddress(string(node) + "@" + hostPort)
}

// SplitPeerAddress is the reverse of PeerAddress.
func SplitPeerAddress(a raft.ServerAddress) (model.NodeID, string) {
	node, host, ok := strings.Cut(string(a), "@")
	if !ok {
		return "", string(a)
	}
	return model.NodeID(node), host
}

// Transport is what a node's replica speaks through.
type Transport interface {
	raft.Transport
	raft.WithPreVote
	raft.WithClose
}

// NewTransport carries raft's messages over authenticated streams (cluster/peer).
func NewTransport(streams raft.StreamLayer, log logrus.FieldLogger) Transport {
	return raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: streams, Logger: bridge(log), MaxPool: 3, Timeout: 10 * time.Second, MsgpackUseNewTimeFormat: true,
	})
}
