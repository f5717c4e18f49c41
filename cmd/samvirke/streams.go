package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	key, err := queue.Secret(context.Background(), h.store, streamKeySetting, time.Now().UTC())
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

// streamKeySetting names the secret under which lanes are digested into record keys: all gateways on a store give one
// patient the same key.
const streamKeySetting = "stream-key"
