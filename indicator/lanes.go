package indicator

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Lanes scores several architectures at a time, each on a device of its own beside that of a scorer: the maps of a small network are too
// few for many threads. The scores are those of the scorer, to the bit. Lanes is a search.Ahead. Use it from one goroutine at a time;
// only Beside is for several.
type Lanes struct {
	lead  *Repeated
	all   []*lane
	free  chan *lane
	jobs  map[string]*laneJob // by text
	ready []*laneJob          // not yet started
	going sync.WaitGroup
	turn  sync.Mutex // of the lead's device, for lanes that copy from it
	stop  atomic.Pointer[func() error]

	none    chan struct{} // closed when all lanes have retired
	leading sync.Mutex    // the lead scores for Beside

	mu      sync.Mutex
	retired int // lanes whose device had too little memory
	closing []error
}

// lane is a scorer on a device of its own.
type lane struct {
	*Repeated
	dev kernels.Device
}

// errNoLane is the error of an architecture that no lane has the memory for. The scorer itself has another chance.
var errNoLane = errors.New("indicator: no lane has the memory")

// laneJob is an architecture to score. done is closed when scores and err are there.
type laneJob struct {
	arch   supernet.Arch
	text   string
	scores Scores
	err    error
	done   chan struct{}
}

// NewLanes returns n lanes beside a scorer, with its number of threads divided among them, and the scorer's parameters as they are
// now. The error wraps kernels.ErrUnsupported if the scorer's device has no others beside it. Without lanes, n = 0, each architecture is
// the scorer's. Close ends the lanes.
func NewLanes(lead *Repeated, n int) (*Lanes, error) {
	l := &Lanes{lead: lead, free: make(chan *lane, n), jobs: map[string]*laneJob{}, none: make(chan struct{})}
	threads := lead.scorers[0].dev.Info().Threads
	for k := range n {
		next, err := l.open(max(threads*(k+1)/n-threads*k/n, 1))
		if errors.Is(err, kernels.ErrOutOfMemory) && k > 0 {
			break
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		next.Stop = l.stopped
		l.all = append(l.all, next)
		l.free <- next
	}
	if len(l.all) == 0 {
		close(l.none)
	}
	return l, nil
}

// open opens one lane of some threads.
func (l *Lanes) open(threads int) (_ *lane, err error) {
	dev, err := kernels.Beside(l.lead.scorers[0].dev, threads)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, dev.Close())
		}
	}()
	stores := map[kernels.Store]kernels.Store{}
	var scorers []*Scorer
	for _, s := range l.lead.scorers {
		if stores[s.store] == nil {
			if stores[s.store], err = kernels.Twin(dev, s.store); err != nil {
				return nil, err
			}
		}
		scorers = append(scorers, s.beside(dev, stores[s.store], &l.turn))
	}
	return &lane{NewRepeated(scorers...), dev}, nil
}

// Close stops what is being scored, and ends the lanes.
func (l *Lanes) Close() error {
	l.StopWith(func() error { return errors.New("indicator: the lanes are closed") })
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lane := range l.all { // those that have retired are closed already
		l.closing = append(l.closing, lane.dev.Close())
	}
	return errors.Join(l.closing...)
}

// StopWith makes each lane call stop before each pass: see [Scorer]. Score returns its error. nil: they run to their end. What
// has begun before is finished, or stops too, and is forgotten.
func (l *Lanes) StopWith(stop func() error) {
	l.stop.Store(&stop)
	l.lead.Stop = stop
	l.going.Wait()
	clear(l.jobs)
	l.ready = nil
}

func (l *Lanes) stopped() error {
	if stop := l.stop.Load(); stop != nil && *stop != nil {
		return (*stop)()
	}
	return nil
}

// Lanes is how many architectures are scored at a time.
func (l *Lanes) Lanes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all) - l.retired
}

// Width keeps the lanes busy while the first architecture, which may be a large one, is waited for.
func (l *Lanes) Width() int { return max(4*len(l.all), 1) }

// Begin notes an architecture. The next Score starts it.
func (l *Lanes) Begin(a supernet.Arch) error {
	_, err := l.begin(a)
	return err
}

func (l *Lanes) begin(a supernet.Arch) (*laneJob, error) {
	space := l.lead.scorers[0].net.Space
	if err := supernet.Validate(space, a); err != nil {
		return nil, err
	}
	text := space.Format(a)
	if l.jobs[text] == nil {
		j := &laneJob{arch: slices.Clone(a), text: text, done: make(chan struct{})}
		l.jobs[text], l.ready = j, append(l.ready, j)
	}
	return l.jobs[text], nil
}

// Score returns the scores of an architecture. If it is the only one that has begun, or no lane has the memory for it, all threads are
// the scorer's.
func (l *Lanes) Score(a supernet.Arch) (Scores, error) {
	j, err := l.begin(a)
	if err != nil {
		return Scores{}, err
	}
	defer delete(l.jobs, j.text)
	if len(l.jobs) == 1 && len(l.ready) == 1 {
		l.ready = nil
		return l.lead.Score(a)
	}
	for _, next := range l.ready {
		l.start(next)
	}
	l.ready = nil
	<-j.done
	if errors.Is(j.err, errNoLane) {
		return l.lead.Score(a)
	}
	return j.scores, j.err
}

// Beside returns the scores of an architecture, from the next lane that is free, for several goroutines at a time. If no lane has the
// memory for it, it waits until the scorer itself is free. Meanwhile nobody may call another method than Lanes.
func (l *Lanes) Beside(a supernet.Arch) (s Scores, err error) {
	err = l.onFree(func(r *Repeated) (err error) {
		s, err = r.Score(a)
		return err
	})
	if errors.Is(err, errNoLane) {
		l.leading.Lock()
		defer l.leading.Unlock()
		return l.lead.Score(a)
	}
	return s, err
}

// start scores an architecture on the next lane that is free.
func (l *Lanes) start(j *laneJob) {
	l.going.Go(func() {
		defer close(j.done)
		j.err = l.onFree(func(r *Repeated) (err error) {
			j.scores, err = r.Score(j.arch)
			return err
		})
	})
}

// onFree calls f on the next lane that is free. A lane whose device has too little memory for it retires, and another one does it.
func (l *Lanes) onFree(f func(*Repeated) error) error {
	for {
		select {
		case <-l.none:
			return errNoLane
		case lane := <-l.free:
			err := f(lane.Repeated)
			if !errors.Is(err, kernels.ErrOutOfMemory) {
				l.free <- lane
				return err
			}
			l.retire(lane)
		}
	}
}

// retire gives back the memory of a lane, which the others then have.
func (l *Lanes) retire(lane *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = append(l.closing, lane.dev.Close())
	if l.retired++; l.retired == len(l.all) {
		close(l.none)
	}
}
