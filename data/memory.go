package data

import "fmt"

// memory is a set that keeps its images in memory.
type memory struct {
	name          string
	classes       []string
	height, width int
	stored        int    // channels in pixels: 1 or 3
	channels      int    // of the images that Read gives: as many, or 3 equal ones
	labels        []byte // one an image
	pixels        []byte // stored·height·width an image, as planes
	mean, std     []float64
	hash          string
}

func (m *memory) Name() string                  { return m.name }
func (m *memory) Len() int                      { return len(m.labels) }
func (m *memory) Classes() []string             { return m.classes }
func (m *memory) Size() (height, width int)     { return m.height, m.width }
func (m *memory) Channels() int                 { return m.channels }
func (m *memory) Label(i int) int               { return int(m.labels[i]) }
func (m *memory) Normal() (mean, std []float64) { return m.mean, m.std }
func (m *memory) Hash() string                  { return m.hash }

func (m *memory) Read(dst []byte, i int) error {
	if err := checkRead(m, dst, i); err != nil {
		return err
	}
	plane := m.height * m.width
	size := m.stored * plane
	image := m.pixels[i*size : (i+1)*size]
	for c := range m.channels {
		copy(dst[c*plane:(c+1)*plane], image[min(c, m.stored-1)*plane:])
	}
	return nil
}

// give sets the channels of the images that Read gives. 0: those that are stored.
func (m *memory) give(channels int) error {
	m.channels = m.stored
	if channels == grey && m.stored == colour {
		return fmt.Errorf("the set %w", ErrColour)
	}
	if channels == colour {
		m.channels = colour
	}
	return nil
}
