package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

var placeholder = regexp.MustCompile(`\$(\d+)`)

// explain gives the plan of a statement for parameters that are not known, as the store's connections make it.
func explain(t *testing.T, conn *pgx.Conn, text string) string {
	t.Helper()
	n := 0
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		var k int
		_, _ = fmt.Sscan(m[1], &k)
		n = max(n, k)
	}
	ctx := soon(t)
	if _, err := conn.Exec(ctx, `PREPARE x AS `+text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	defer conn.Exec(ctx, `DEALLOCATE x`) //nolint:errcheck // the connection ends with the test
	args := ""
	if n > 0 {
		args = "(" + strings.TrimSuffix(strings.Repeat("NULL,", n), ",") + ")"
	}
	rows, err := conn.Query(ctx, `EXPLAIN EXECUTE x`+args, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return strings.Join(lines, "\n")
}

// TestHotPlans asks for the plan of each statement of the path of a message: none may scan a table, because that grows
// with what is stored or waits.
func TestHotPlans(t *testing.T) {
	s := open(t, Options{})
	o := s.opts
	c, err := o.config(hot(nil))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(soon(t), c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // reading only
	drops := payloadDrops()
	for name, text := range map[string]string{
		"settled": settledSelect, "drop deliveries": drops[0], "drop messages": drops[1], "drop aged deliveries": drops[2], "drop aged messages": drops[3],
		"have body": haveBody,
		"head":      headLock, "first": firstSelect, "same": sameSelect, "messages": messagesSelect, "deliveries": deliveriesSelect,
		"lanes": lanesSelect, "leased": leasedSelect, "plans": plansSelect, "counters": countersSelect, "dues": duesSelect, "full": messageFull, "erased": erasedSelect, "erased of a group": erasedGroup,
		"message insert": messageInsert, "message update": messageUpdate, "open message": openMessageSet, "open message end": openMessageDelete,
		"record": recordInsert, "plan": planInsert, "due set": dueSet, "due drop": dueDrop, "due fire": dueFire,
		"delivery insert": deliveryInsert, "delivery update": deliveryUpdate, "open delivery": openDeliverySet, "open delivery new": openDeliveryInsert, "open delivery end": openDeliveryDelete,
		"attempt": attemptInsert, "receipt": receiptInsert, "counter": counterSet, "setting": settingSet, "event": eventInsert,
		"audit": auditInsert, "tally": tallyAdd, "lane add": laneAdd, "lane move": laneMove, "lane drop": laneDrop, "head set": headSet, "mark": markSet,
		"order": orderSelect, "open message free": openMessageFree, "lane claim": laneClaim, "lane next": laneNext, "lane release": laneRelease, "lane held": laneHeld, "inbox": inboxClaim, "inbox end": inboxEnd, "hold": holdLook, "leader": leaderTake, "oldest": oldestSelect,
		"records": recordsSelect, "plan now": planSelect, "setting now": settingSelect, "counter now": counterSelect, "settings": settingsSelect, "plan changes": planChangesSelect,
	} {
		plan := explain(t, conn, text)
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s scans:\n%s", name, plan)
		}
	}
}

// TestDropPlans: after a run of retention the database believes that hardly a body has aged. Then those that have by the next run must not be
// looked through for each step.
func TestDropPlans(t *testing.T) {
	s := open(t, Options{})
	o := s.opts
	c, err := o.config(hot(nil))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(soon(t), c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the schema is of the test
	for _, text := range []string{`INSERT INTO aged SELECT i, k, 0, decode(repeat('00', 400), 'hex') FROM generate_series(1, 4000) i, unnest(ARRAY[1, 3]) k`,
		`DELETE FROM aged WHERE seq < 3999`, `VACUUM ANALYZE aged`} {
		if _, err := conn.Exec(soon(t), text); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range payloadDrops() {
		if plan := explain(t, conn, text); strings.Contains(plan, "Filter: (seq") {
			t.Errorf("looks through all:\n%s", plan)
		}
	}
}
