package careplan

func (f *fold) clinical()   {}
func (f *fold) function()   {}
func (f *fold) answers()    {}
func (f *fold) looseTasks() {}
func (f *fold) gaps()       {}
