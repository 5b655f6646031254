package raftnode

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"
	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
)

// AddressOf finds where a node listens now; false: use the address in raft's configuration.
type AddressOf func(model.NodeID) (string, bool)

// ServerAddr is raft's way of asking.
func (f AddressOf) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	if a, ok := f(model.NodeID(id)); ok {
		return raft.ServerAddress(a), nil
	}
	return "", fmt.Errorf("no newer address of %s is known", id) // raft falls back to its configuration
}

// NewTransport carries raft's messages over authenticated streams (cluster/peer).
func NewTransport(streams raft.StreamLayer, addresses AddressOf, log logrus.FieldLogger) raft.Transport {
	return raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: streams, ServerAddressProvider: addresses, Logger: bridge(log),
		MaxPool: 3, Timeout: 10 * time.Second, MsgpackUseNewTimeFormat: true,
	})
}
