package route

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"cofre/fsm/model"
)

// origin is where a request comes from. What the client says of itself is written in one way, so that the state compares
// texts; the certificate is the one whose key the TLS handshake proved.
func origin(h *http.Request, source string) model.Origin {
	o := model.Origin{Source: source}
	if u, err := url.Parse(h.Referer()); err == nil && u.Host != "" && len(h.Referer()) <= model.MaxText {
		o.Referrer = strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host) + u.EscapedPath()
	}
	if h.TLS != nil && len(h.TLS.PeerCertificates) > 0 {
		sum := sha256.Sum256(h.TLS.PeerCertificates[0].Raw)
		o.Certificate = hex.EncodeToString(sum[:])
	}
	return o
}
