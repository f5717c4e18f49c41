package kith

func (r *reader) unused() {}
