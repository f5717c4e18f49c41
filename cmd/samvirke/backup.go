package main

import (
	"errors"
	"fmt"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
)

type backupCmd struct {
	storeFlags
	JSON bool   `help:"Print JSON."`
	To   string `arg:"" help:"Folder of the backup; it is made, or is empty." placeholder:"DIR"`
}

// Run copies the store, also while a gateway has it open.
func (c *backupCmd) Run(a *app) error {
	dir, err := c.folder(a)
	if err != nil {
		return err
	}
	info, err := sqlite.Backup(a.ctx, dir, c.To)
	switch {
	case errors.Is(err, queue.ErrNotFound), errors.Is(err, sqlite.ErrNotEmpty):
		return &exitError{code: exitUsage, err: err}
	case errors.Is(err, sqlite.ErrLocked):
		return fail(exitTryLater, "another backup of this store is running")
	case err != nil:
		return fmt.Errorf("back up the store: %w", err)
	}
	return printBackup(a, &info, c.JSON, "backed up")
}

type restoreCmd struct {
	storeFlags
	JSON bool   `help:"Print JSON."`
	From string `arg:"" help:"Folder of the backup." placeholder:"DIR"`
}

// Run puts a backup where no store is.
func (c *restoreCmd) Run(a *app) error {
	dir, err := c.folder(a)
	if err != nil {
		return err
	}
	info, err := sqlite.Restore(a.ctx, c.From, dir)
	switch {
	case errors.Is(err, sqlite.ErrNoBackup), errors.Is(err, sqlite.ErrNotEmpty):
		return &exitError{code: exitUsage, err: err}
	case errors.Is(err, sqlite.ErrLocked):
		return fail(exitTryLater, "a gateway is running on this folder")
	case err != nil:
		return fmt.Errorf("restore the store: %w", err)
	}
	return printBackup(a, &info, c.JSON, "restored")
}

// folder is the folder of a store that is one.
func (f *storeFlags) folder(a *app) (string, error) {
	o, _, err := f.place(a)
	if err == nil && o.database != nil {
		err = fail(exitUsage, "the store is a PostgreSQL database: use its own tools (pg_basebackup, pg_dump)")
	}
	return o.file.Dir, err
}

func printBackup(a *app, info *sqlite.BackupInfo, asJSON bool, what string) error {
	if asJSON {
		return a.json(info)
	}
	_, err := fmt.Fprintf(a.out, "%s: %d files, %d bytes, everything answered before %s\n", what, info.Files, info.Bytes, info.At.Format("2006-01-02 15:04:05 MST"))
	return err
}
