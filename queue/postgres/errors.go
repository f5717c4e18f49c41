package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/samvirke/samvirke/queue"
)

// ErrUnavailable says that the database could not be reached for as long as Options.Patience. Nothing of the unit
// was written; the caller may try again.
var ErrUnavailable = errors.New("the database cannot be reached")

// Codes of PostgreSQL that mean something here. Source: PostgreSQL 15, appendix A.
const (
	codeUnique     = "23505"
	codeDiskFull   = "53100"
	codeReadOnly   = "25006" // a primary that has become a standby
	codeIdle       = "25P03" // idle_in_transaction_session_timeout
	codeNoTable    = "42P01"
	codeNoSchema   = "3F000"
	codeEncoding   = "22021"
	codeUnicode    = "22P05"
	classResources = "53"
	classOperator  = "57" // shutdown, crash, starting up, cancelled
	classConnect   = "08"
	classSystem    = "58" // an error of the file system
	classInternal  = "XX" // damaged data or a bug
	classRollback  = "40" // deadlock, serialization
	codeLockWait   = "55P03"
)

// kind says what an error of a statement means for the writer.
type kind int

const (
	kindUnit  kind = iota // the statement is wrong for what is in it
	kindLost              // the connection is gone, or of no use
	kindRetry             // nothing happened, the same again may go well
	kindFull              // no room on the disk of the database
	kindFatal             // the database cannot be trusted
)

func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func kindOf(err error) kind {
	code := sqlState(err)
	switch {
	case code == "":
		return kindLost // no answer of the server: network, time limit, closed connection
	case code == codeDiskFull:
		return kindFull
	case code == codeReadOnly, code == codeIdle, strings.HasPrefix(code, classOperator), strings.HasPrefix(code, classConnect):
		return kindLost
	case strings.HasPrefix(code, classRollback), strings.HasPrefix(code, classResources), code == codeLockWait:
		return kindRetry
	case strings.HasPrefix(code, classInternal), strings.HasPrefix(code, classSystem):
		return kindFatal
	}
	return kindUnit
}

// plain turns an error of one unit into one of the contract.
func plain(err error) error {
	switch sqlState(err) {
	case codeUnique:
		return fmt.Errorf("%w: %w", queue.ErrExists, err)
	case codeDiskFull:
		return fmt.Errorf("%w: %w", queue.ErrFull, err)
	}
	return err
}

// readError turns an error of a reading call into one of the contract. Text that the database cannot hold
// names nothing that is there.
func (r *reader) readError(ctx context.Context, err error) error {
	code := sqlState(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows), code == codeEncoding, code == codeUnicode:
		return queue.ErrNotFound
	case r.ended():
		return queue.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("read store: %w", err)
}
