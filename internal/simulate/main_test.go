package simulate_test

import (
	"testing"

	"github.com/samvirke/samvirke/internal/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }
