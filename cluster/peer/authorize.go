package peer

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
)

// Lookup finds the pinned public key (SubjectPublicKeyInfo) of a member; false: not a member, or removed.
type Lookup func(model.NodeID) (spki []byte, ok bool)

// The reasons of a refusal, for callers that react to them.
var (
	ErrOtherCluster = errors.New("the peer belongs to another cluster")
	ErrNotMember    = errors.New("the peer is not a member of this cluster")
)

// authorize decides about a peer by its certificate, whose key the TLS handshake has proven. want is the node that was
// dialled, "" when it dialled us. The pinned key decides; dates only alarm, because the key is what was approved.
func authorize(c *x509.Certificate, self *Identity, want model.NodeID, pinned Lookup, now time.Time, log logrus.FieldLogger) (model.NodeID, error) {
	cluster, node, err := namesOf(c)
	if err != nil {
		return "", err
	}
	if cluster != self.Cluster {
		return "", fmt.Errorf("%w: node %s is of cluster %s, %s is of cluster %s", ErrOtherCluster, node, cluster, self.Node, self.Cluster)
	}
	if want != "" && node != want {
		return "", fmt.Errorf("node %s answered where %s was expected", node, want)
	}
	key, ok := pinned(node)
	if !ok {
		return "", fmt.Errorf("%w: %s", ErrNotMember, node)
	}
	if !bytes.Equal(key, c.RawSubjectPublicKeyInfo) {
		return "", fmt.Errorf("%w: %s shows the key %s, pinned is %s", ErrNotMember, node, model.Fingerprint(c.RawSubjectPublicKeyInfo), model.Fingerprint(key))
	}
	if now.After(c.NotAfter) || now.Before(c.NotBefore) {
		log.WithFields(logrus.Fields{"node": string(node), "not_before": c.NotBefore, "not_after": c.NotAfter}).
			Warn("the certificate of a pinned peer is out of date; the peer is accepted by its key")
	}
	return node, nil
}
