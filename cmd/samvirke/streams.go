package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/connectors/kafka"
	"github.com/samvirke/samvirke/connectors/nats"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/queue"
)

// natsSender opens the way into a JetStream stream.
func natsSender(c *config.Party) (connectors.Sender, error) {
	n := c.NATS
	certs, authorities, err := clientTLS(n.Cert, n.Key, n.CA)
	if err != nil {
		return nil, err
	}
	return nats.NewSender(nats.SenderOptions{
		Party: c.ID, Servers: n.Servers, Subject: n.Subject, Token: n.Token.Reveal(), Credentials: n.Credentials,
		Certificates: certs, CA: authorities, Timeout: n.Timeout,
	})
}

// kafkaSender opens the way into a Kafka topic.
func (h *house) kafkaSender(c *config.Party) (connectors.Sender, error) {
	k := c.Kafka
	certs, authorities, err := clientTLS(k.Cert, k.Key, k.CA)
	if err != nil {
		return nil, err
	}
	key, err := streamKey(h.store, h.now())
	if err != nil {
		return nil, err
	}
	return kafka.NewSender(kafka.SenderOptions{
		Party: c.ID, Brokers: k.Brokers, Topic: k.Topic, Key: key, User: k.User, Password: k.Password.Reveal(), TLS: k.TLS,
		Certificates: certs, CA: authorities, Timeout: k.Timeout,
	})
}

// clientTLS reads what we show and whom we trust.
func clientTLS(cert, key, ca string) (certs []tls.Certificate, authorities *x509.CertPool, err error) {
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, nil, fmt.Errorf("client certificate: %w", err)
		}
		certs = []tls.Certificate{pair}
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, nil, fmt.Errorf("authorities: %w", err)
		}
		authorities = x509.NewCertPool()
		if !authorities.AppendCertsFromPEM(pem) {
			return nil, nil, fmt.Errorf("%s holds no certificate", ca)
		}
	}
	return certs, authorities, nil
}

const streamKeySetting = "stream-key"

// streamKey is the secret under which lanes are digested into record keys. It is made once and stays with the store: all
// gateways on it give one patient the same key.
func streamKey(store queue.Store, now func() time.Time) ([]byte, error) {
	ctx := context.Background()
	s, err := store.Setting(ctx, streamKeySetting)
	if err == nil && s == "" {
		raw := make([]byte, 32)
		if _, err := rand.Read(raw); err != nil {
			return nil, err
		}
		if now == nil {
			now = time.Now
		}
		if _, err := store.Commit(ctx, &queue.Unit{Now: now().UTC(), Settings: map[string]string{streamKeySetting: hex.EncodeToString(raw)}}); err != nil {
			return nil, fmt.Errorf("store the key of the stream: %w", err)
		}
		s, err = store.Setting(ctx, streamKeySetting) // of two gateways that begin together, the later one's counts for both
		if err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the key of the stream: %w", err)
	}
	return hex.DecodeString(s)
}
