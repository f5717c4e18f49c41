package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/samvirke/samvirke/queue"
)

// A body stands in its row until it has aged, then in the table aged, pressed. Every statement that reads bodies asks for both
// columns; the second is looked up only when the first is NULL, so that what is young costs nothing more. Before it stands the
// sum of the body.
const (
	rawColumns      = `m.raw, CASE WHEN m.raw IS NULL THEN (SELECT int4send(sum) || body FROM aged WHERE kind = 1 AND seq = m.seq) END`
	envelopeColumns = `m.envelope, CASE WHEN m.envelope IS NULL THEN (SELECT int4send(sum) || body FROM aged WHERE kind = 2 AND seq = m.seq) END`
	bodyColumns     = `CASE WHEN d.original THEN m.raw ELSE d.body END,
		CASE WHEN d.original AND m.raw IS NULL THEN (SELECT int4send(sum) || body FROM aged WHERE kind = 1 AND seq = m.seq)
		WHEN NOT d.original AND d.body IS NULL THEN (SELECT int4send(sum) || body FROM aged WHERE kind = 3 AND seq = d.seq) END`
	recordColumns = `body, CASE WHEN octet_length(body) = 0 THEN (SELECT int4send(sum) || body FROM aged WHERE kind = 4 AND aged.seq = record.seq) END`
	planBody      = `body, CASE WHEN octet_length(body) = 0 THEN (SELECT int4send(sum) || body FROM aged WHERE kind = 5 AND aged.seq = plan_version.seq) END`
)

// kept is a body as it is stored: in one of the two ways, or in none when it is gone. pressed begins with the sum of the body.
type kept struct{ plain, pressed []byte }

// body gives a body, nil when it is gone; queue.ErrDamaged when it cannot be read.
func (r *reader) body(k kept) ([]byte, error) {
	if k.pressed == nil || len(k.plain) > 0 {
		return k.plain, nil
	}
	p, err := r.press()
	if err != nil {
		return nil, err
	}
	if len(k.pressed) < sumBytes {
		return nil, fmt.Errorf("pressed body of %d bytes: %w", len(k.pressed), queue.ErrDamaged)
	}
	b, err := p.Expand(k.pressed[sumBytes:])
	if err != nil {
		return nil, errors.Join(queue.ErrDamaged, fmt.Errorf("pressed body: %w", err))
	}
	// A changed byte may become another body without an error. For 11 KB this takes about a microsecond.
	if uint32(sumOf(b)) != binary.BigEndian.Uint32(k.pressed) { //nolint:gosec // its bits are compared
		return nil, fmt.Errorf("pressed body has another checksum: %w", queue.ErrDamaged)
	}
	return b, nil
}

// sumBytes is how long a sum is before a pressed body.
const sumBytes = 4

// sumOf is what the table aged keeps of a body.
func sumOf(body []byte) int32 { return int32(crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))) } //nolint:gosec // its bits are kept
