package memory

// Tamper changes the reason of an audit entry behind the back of the chain, and says whether it is there.
func (d *Disk) Tamper(seq int64) bool {
	for i := range d.audit {
		if d.audit[i].Seq == seq {
			d.audit[i].Reason = "another"
			return true
		}
	}
	return false
}
