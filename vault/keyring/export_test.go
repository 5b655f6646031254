package keyring

// TakePages takes the pages of the keys away from a ring, so that they can be looked at after it gave them back.
func (r *Ring) TakePages() [][]byte {
	pages := r.memory.pages
	r.memory.pages = nil
	return pages
}
