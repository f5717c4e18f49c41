package admin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

const settingPersonKey = "admin.person-key"

// sealer turns a patient key into an id that may stand in a URL, and back. The id is the
// keyed hash of the patient key followed by the patient key encrypted with that hash as
// initialisation vector: equal keys give equal ids, an id says nothing without the store's
// key, an altered one is refused, and no table from id to patient has to be kept.
//
// The construction is the synthetic-IV scheme of RFC 5297 with HMAC-SHA-256 in place of CMAC.
type sealer struct {
	mac   []byte
	block cipher.Block
}

// sealTag is the length of the keyed hash in an id. Unit: bytes.
const sealTag = 12

func newSealer(key []byte) (*sealer, error) {
	if len(key) != 32 {
		return nil, errors.New("key must be 32 bytes")
	}
	derive := func(label string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(label))
		return h.Sum(nil)
	}
	block, err := aes.NewCipher(derive("samvirke person id encryption"))
	if err != nil {
		return nil, err
	}
	return &sealer{mac: derive("samvirke person id hash"), block: block}, nil
}

// seal gives the id for a patient key; "" for "".
func (s *sealer) seal(patient string) string {
	if patient == "" {
		return ""
	}
	short := shorten(patient)
	tag := s.tag(short)
	out := make([]byte, sealTag+len(short))
	copy(out, tag)
	s.stream(tag).XORKeyStream(out[sealTag:], []byte(short))
	return base64.RawURLEncoding.EncodeToString(out)
}

// open gives the patient key of an id; false when the id was not made with this key.
func (s *sealer) open(id string) (string, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || len(raw) <= sealTag || len(raw) > 400 {
		return "", false
	}
	short := make([]byte, len(raw)-sealTag)
	s.stream(raw[:sealTag]).XORKeyStream(short, raw[sealTag:])
	if !hmac.Equal(s.tag(string(short)), raw[:sealTag]) {
		return "", false
	}
	return lengthen(string(short)), true
}

// label gives four letters and digits by which a person can be told apart in lists
// that show no name or number.
func (s *sealer) label(patient string) string {
	if patient == "" {
		return ""
	}
	const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // 32, without I, O, 0 and 1
	t := s.tag("label " + patient)
	b := make([]byte, 5)
	for i := range b {
		b[i] = alphabet[int(t[i])%len(alphabet)]
	}
	return string(b)
}

func (s *sealer) tag(text string) []byte {
	h := hmac.New(sha256.New, s.mac)
	h.Write([]byte(text))
	return h.Sum(nil)[:sealTag]
}

func (s *sealer) stream(tag []byte) cipher.Stream {
	iv := make([]byte, aes.BlockSize)
	copy(iv, tag)
	return cipher.NewCTR(s.block, iv)
}

// The identifier systems of Norway, written short inside a sealed id.
//
// Source: standards/no, naming systems: national identity number, D-number, common help number.
const (
	systemFNR = "urn:oid:2.16.578.1.12.4.1.4.1"
	systemDNR = "urn:oid:2.16.578.1.12.4.1.4.2"
	systemFHN = "urn:oid:2.16.578.1.12.4.1.4.3"
)

func shorten(patient string) string {
	for short, system := range map[string]string{"1": systemFNR, "2": systemDNR, "3": systemFHN} {
		if value, ok := strings.CutPrefix(patient, system+"|"); ok {
			return short + value
		}
	}
	return "0" + patient
}

func lengthen(short string) string {
	if short == "" {
		return ""
	}
	system, ok := map[byte]string{'1': systemFNR, '2': systemDNR, '3': systemFHN}[short[0]]
	if !ok {
		return short[1:]
	}
	return system + "|" + short[1:]
}

// patientKeys gives the patient keys that what a person typed may mean, likeliest first.
// A D-number has 4 added to its first digit; a common help number begins with 8 or 9.
func patientKeys(typed string) []string {
	typed = strings.TrimSpace(typed)
	if strings.Contains(typed, "|") {
		return []string{typed}
	}
	value := strings.NewReplacer(" ", "", ".", "", "\u00a0", "").Replace(typed)
	if value == "" || len(value) > 64 {
		return nil
	}
	fnr := samvirke.Identifier{System: systemFNR, Value: value}.Key()
	dnr := samvirke.Identifier{System: systemDNR, Value: value}.Key()
	fhn := samvirke.Identifier{System: systemFHN, Value: value}.Key()
	switch {
	case value[0] >= '4' && value[0] <= '7':
		return []string{dnr, fnr, fhn}
	case value[0] >= '8':
		return []string{fhn, fnr, dnr}
	}
	return []string{fnr, dnr, fhn}
}

// personKey reads the key for sealed ids, and makes it once. The counter sees to it that
// of two gateways starting at once on one store only one makes it.
func (s *Server) personKey(ctx context.Context) ([]byte, error) {
	for range 3 {
		text, err := s.store.Setting(ctx, settingPersonKey)
		if err != nil {
			return nil, err
		}
		if text != "" {
			return base64.StdEncoding.DecodeString(text)
		}
		key := make([]byte, 32)
		rand.Read(key)
		_, err = s.store.Commit(ctx, &queue.Unit{
			Now:      s.now().UTC(),
			Counters: []queue.CounterStep{{Name: settingPersonKey}},
			Settings: map[string]string{settingPersonKey: base64.StdEncoding.EncodeToString(key)},
		})
		if err != nil && !errors.Is(err, queue.ErrCounter) {
			return nil, fmt.Errorf("store new key: %w", err)
		}
	}
	return nil, errors.New("counter is set but the key is missing")
}
