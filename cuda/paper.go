package cuda

// paper is a Driver without a GPU, memory or results: launches are only counted.
type paper struct {
	next Ptr
	held map[Ptr]int64
	peak int64
	now  int64
}

func newPaper() *paper { return &paper{next: 1 << 20, held: map[Ptr]int64{}} }

func (p *paper) Properties() Properties {
	return Properties{Name: "paper", Capability: 90, Memory: 1 << 50, Free: 1 << 50, SharedMemory: 227 << 10}
}

func (p *paper) Alloc(bytes int64) (Ptr, error) {
	at := p.next
	p.next += Ptr(align(bytes))
	p.held[at] = bytes
	p.now += bytes
	p.peak = max(p.peak, p.now)
	return at, nil
}

func (p *paper) Free(at Ptr) error {
	p.now -= p.held[at]
	delete(p.held, at)
	return nil
}

func (p *paper) Pinned(bytes int) ([]byte, error)                { return make([]byte, bytes), nil }
func (p *paper) FreePinned([]byte) error                         { return nil }
func (p *paper) CopyIn(Stream, Ptr, []byte) error                { return nil }
func (p *paper) Fill(Stream, Ptr, byte, int64) error             { return nil }
func (p *paper) Launch(Stream, *Launch) error                    { return nil }
func (p *paper) NewEvent() (Event, error)                        { return 1, nil }
func (p *paper) FreeEvent(Event) error                           { return nil }
func (p *paper) Record(Stream, Event) error                      { return nil }
func (p *paper) Wait(Stream, Event) error                        { return nil }
func (p *paper) Reached(Event) error                             { return nil }
func (p *paper) Sync(Stream) error                               { return nil }
func (p *paper) Capture(_ Stream, f func() error) (Graph, error) { return 1, f() }
func (p *paper) Replay(Stream, Graph) error                      { return nil }
func (p *paper) FreeGraph(Graph) error                           { return nil }
func (p *paper) Close() error                                    { return nil }

// CopyOut gives −1 for the gradients' norm: nothing was wrong with them.
func (p *paper) CopyOut(_ Stream, dst []byte, _ Ptr) error {
	if len(dst) == 24 {
		copy(dst, bytesOf([]float64{0, -1, 0}))
	}
	return nil
}
