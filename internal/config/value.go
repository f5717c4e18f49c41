package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes. In the file it is a number with an optional unit: KB, MB and GB are
// powers of 1000, KiB, MiB and GiB powers of 1024.
type Size int64

// sizeUnits is in the order a suffix is looked for: the longer first.
var sizeUnits = [...]struct {
	suffix string
	factor int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
}

// String gives the size in the largest unit that fits evenly.
func (s Size) String() string {
	best, factor := "B", int64(1)
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.factor == 0 && u.factor > factor {
			best, factor = u.suffix, u.factor
		}
	}
	return strconv.FormatInt(int64(s)/factor, 10) + best
}

func parseSize(text string) (Size, error) {
	number, factor := text, int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(text, u.suffix); ok {
			number, factor = strings.TrimSpace(n), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		return 0, errors.New("not a size")
	}
	if n > math.MaxInt64/factor {
		return 0, errors.New("too large for a size")
	}
	return Size(n * factor), nil
}

const day = 24 * time.Hour

// parseDuration reads Go's notation ("1h30m") and whole days ("30d").
func parseDuration(text string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(text, "d"); ok {
		days, err := strconv.ParseInt(n, 10, 32)
		if err != nil || days < 0 || days > int64(math.MaxInt64/day) {
			return 0, errors.New("not a number of days")
		}
		return time.Duration(days) * day, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("not a duration: %w", err)
	}
	if d < 0 {
		return 0, errors.New("a duration cannot be negative")
	}
	return d, nil
}
