package queue

import (
	"strings"

	"github.com/google/uuid"
)

// SameIDs lists the ways in which a message id may stand in the store that mean the same one: a UUID is the
// same in capitals (RFC 9562, section 4). The id as written comes first; any other id means only itself.
func SameIDs(id string) []string {
	if len(id) != 36 || uuid.Validate(id) != nil {
		return []string{id}
	}
	out := []string{id}
	for _, other := range [...]string{strings.ToLower(id), strings.ToUpper(id)} {
		if other != id {
			out = append(out, other)
		}
	}
	return out
}
