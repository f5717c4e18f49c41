package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/samvirke/samvirke"
)

// AuditHash is the hash of one audit entry, the same for every engine: lower-case hex SHA-256 over
// the previous hash and each field, written as length, colon, bytes, so that no two different
// entries give the same input. At counts in whole microseconds since 1970, which every engine can store.
//
// The patient enters as patientDigest (see PatientDigest), not as the key itself: erasing a person
// blanks the key and its salt and leaves the chain whole.
func AuditHash(a samvirke.Audit, patientDigest string) string {
	var b []byte
	for _, f := range []string{
		a.Previous, strconv.FormatInt(a.Seq, 10), strconv.FormatInt(a.At.UnixMicro(), 10),
		a.Who, a.Action, a.Object, patientDigest, a.Reason,
	} {
		b = strconv.AppendInt(b, int64(len(f)), 10)
		b = append(b, ':')
		b = append(b, f...)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// PatientDigest hides the patient of an audit entry: lower-case hex SHA-256 over salt and key, ""
// when there is no patient. Salt is random and kept beside the key.
func PatientDigest(salt, patient string) string {
	if patient == "" {
		return ""
	}
	h := sha256.Sum256([]byte(salt + "\x1f" + patient))
	return hex.EncodeToString(h[:])
}
