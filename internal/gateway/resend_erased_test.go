package gateway_test

import (
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
)

// TestErasedIsNotResent: of an erased person there is nothing to send again, whatever the state of the delivery; the store takes the
// checksum with the body.
func TestErasedIsNotResent(t *testing.T) {
	t.Parallel()
	for _, state := range []samvirke.DeliveryState{samvirke.DeliverySent, samvirke.DeliveryStopped, samvirke.DeliveryWaiting} {
		d := samvirke.Delivery{State: state, Purpose: samvirke.PurposeForward, Checksum: "c"}
		if !gateway.MayResend(d) {
			t.Errorf("%s: may not be sent again", state)
		}
		if d.Checksum = ""; gateway.MayResend(d) {
			t.Errorf("%s: may be sent again although it was erased", state)
		}
	}
}
