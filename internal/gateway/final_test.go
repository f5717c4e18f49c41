package gateway_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// Whatever people, parties and restarts do to messages, in any order: no receiver ever answers the same message
// twice, and every message that is through has one answer from each receiver of ours.
func TestNoSecondReceiptWhateverHappens(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			w := &wire{}
			all := []route.Rule{{Name: "addressees", To: []string{"addressees"}}}
			r := newRig(t, func(r *rig) { r.more, r.rules = append(r.more, clinic(w)), all })
			var letters []letter
			ids := map[string]bool{}
			ctx := context.Background()
			for range 60 {
				switch n := random.IntN(10); {
				case n < 4 || len(letters) == 0:
					l := letter{Admission: simulate.Admission{ID: uuid.NewString(), Person: random.IntN(3)},
						receivers: [][2]string{nursing(), {copyClinic, copyDoctor}, {copyClinic, "8999002"}, {"8999001", "8999003"}}[:1+random.IntN(4)]}
					if random.IntN(3) == 0 {
						l.change = []string{"Prøvesen", "", "Torvild", ""}
					}
					letters = append(letters, l)
					ids[r.receive("hospital", l.xml()).MessageID] = true
				case n < 6:
					l := letters[random.IntN(len(letters))]
					if random.IntN(2) == 0 {
						l.Remark = "changed"
					}
					ids[r.receive("hospital", l.xml()).MessageID] = true
				case n == 6: // another configuration
					r.more[0].UnknownService = []samvirke.Answer{samvirke.AnswerAccept, samvirke.AnswerRefuse}[random.IntN(2)]
					r.rules = [][]route.Rule{all, {{Name: "city only", To: []string{"city"}}}}[random.IntN(2)]
					r.restart()
				default:
					for id := range ids {
						act := []func(context.Context, string, string, string) error{r.g.Reprocess, r.g.GiveUp, r.g.Reprocess}[random.IntN(3)]
						_ = act(ctx, "ola", id, "whatever")
						for _, d := range r.deliveries(id, "") {
							_ = r.g.Resend(ctx, "ola", d.ID, "whatever")
						}
						break
					}
				}
			}
			for id := range ids {
				r.until("processed", func() bool { return r.message(id).Status != samvirke.MessageReceived })
				m := r.message(id)
				seen := map[string]int{}
				for _, d := range r.deliveries(id, samvirke.PurposeReceipt) {
					seen[d.Rule]++
				}
				for rule, n := range seen {
					if n != 1 {
						t.Errorf("%s: %d times %s", m.Status, n, rule)
					}
				}
				kept := 0
				for _, x := range r.receipts(queue.ReceiptFilter{MessageID: id}) {
					if x.Direction == samvirke.Outbound {
						kept++
					}
				}
				if kept != len(seen) {
					t.Errorf("%d receipts are kept, %d are written", kept, len(seen))
				}
				switch m.Status {
				case samvirke.MessageProcessed, samvirke.MessageRefused:
					if len(seen) == 0 {
						t.Errorf("a message that is %s has no answer", m.Status)
					}
				case samvirke.MessageQuarantined:
					if len(seen) != 0 {
						t.Error("a message in quarantine is answered")
					}
				}
			}
		})
	}
}
