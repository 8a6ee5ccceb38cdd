package ranks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	joinTimeout  = 5 * time.Minute // for all ranks to come
	writeTimeout = 20 * time.Second
	maxFrame     = 1 << 26 // bytes
)

// Kinds of frames. A frame is its kind, the length of its body in four bytes, little-endian, and the body.
const (
	frameHello byte = iota + 1 // to rank 0: magic, rank, size; back: empty
	frameData                  // to rank 0: a rank's part; back: all of them
	frameAbort                 // the run is over; the body says why
	frameBye                   // the sender leaves in order
)

const magic = "onestep-1"

// keepAlive finds out within some ten seconds that a machine went away.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 4 * time.Second, Interval: 2 * time.Second, Count: 3}

// tcp joins every rank with rank 0.
type tcp struct {
	start Start
	peers map[int]*peer // rank 0 has all others, the others have rank 0
	lost  func(error)

	once sync.Once
	dead chan struct{} // closed when the group has failed
	err  error         // the reason, once dead is closed
}

// peer is one connection.
type peer struct {
	rank  int
	conn  net.Conn
	write sync.Mutex
	data  chan []byte // bodies of data frames; closed at the other side's end
}

// openTCP waits for all ranks, or calls rank 0 until it answers. lost is called, at most once, when a rank is gone.
func openTCP(s Start, timeout time.Duration, lost func(error)) (*tcp, error) {
	t := &tcp{start: s, peers: map[int]*peer{}, lost: lost, dead: make(chan struct{})}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	join := t.call
	if s.Rank == 0 {
		join = t.listen
	}
	if err := join(ctx); err != nil {
		for _, p := range t.peers {
			p.conn.Close()
		}
		return nil, err
	}
	for _, p := range t.peers {
		go t.read(p)
	}
	return t, nil
}

// listen accepts the other ranks, and tells them when all are there. Connections that do not begin with a hello of this run are closed.
func (t *tcp) listen(ctx context.Context) error {
	_, port, err := net.SplitHostPort(t.start.Addr)
	if err != nil {
		return err
	}
	config := net.ListenConfig{KeepAliveConfig: keepAlive}
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort("", port))
	if err != nil {
		return fmt.Errorf("waiting for the other ranks: %w", err)
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	for len(t.peers) < t.start.Size-1 {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return fmt.Errorf("%d of %d ranks have come to %s in time", len(t.peers)+1, t.start.Size, t.start.Addr)
		}
		if err != nil {
			return err
		}
		if p := t.greet(conn); p != nil {
			t.peers[p.rank] = p
		} else {
			conn.Close()
		}
	}
	for _, p := range t.peers {
		if err := p.send(frameHello, nil); err != nil {
			return fmt.Errorf("rank %d: %w", p.rank, err)
		}
	}
	return nil
}

// greet reads who calls: a rank of this run that has not come yet, or nil.
func (t *tcp) greet(conn net.Conn) *peer {
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	kind, body, err := readFrame(conn)
	conn.SetReadDeadline(time.Time{})
	if err != nil || kind != frameHello || len(body) != len(magic)+8 || string(body[:len(magic)]) != magic {
		return nil
	}
	p := newPeer(int(binary.LittleEndian.Uint32(body[len(magic):])), conn)
	size := int(binary.LittleEndian.Uint32(body[len(magic)+4:]))
	if size != t.start.Size || p.rank < 1 || p.rank >= size || t.peers[p.rank] != nil {
		p.send(frameAbort, fmt.Appendf(nil, "rank %d of %d came to a run of %d ranks, or came twice", p.rank, size, t.start.Size))
		return nil
	}
	return p
}

// call connects to rank 0 and waits until all ranks have.
func (t *tcp) call(ctx context.Context) error {
	dialer := net.Dialer{KeepAliveConfig: keepAlive}
	var conn net.Conn
	for {
		var err error
		if conn, err = dialer.DialContext(ctx, "tcp", t.start.Addr); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no rank 0 at %s: %w", t.start.Addr, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	p := newPeer(0, conn)
	t.peers[0] = p
	hello := binary.LittleEndian.AppendUint32([]byte(magic), uint32(t.start.Rank))
	if err := p.send(frameHello, binary.LittleEndian.AppendUint32(hello, uint32(t.start.Size))); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	conn.SetReadDeadline(deadline)
	kind, body, err := readFrame(conn)
	conn.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		return fmt.Errorf("rank 0 at %s: %w", t.start.Addr, err)
	case kind != frameHello:
		return fmt.Errorf("rank 0 at %s: %s", t.start.Addr, body)
	}
	return nil
}

// read hands on what a peer sends, until it leaves or is lost.
func (t *tcp) read(p *peer) {
	defer close(p.data)
	for {
		kind, body, err := readFrame(p.conn)
		switch {
		case err != nil:
			t.fail(fmt.Errorf("rank %d is lost: %w", p.rank, err))
			return
		case kind == frameData:
			p.data <- body
		case kind == frameBye:
			return
		case kind == frameAbort:
			t.fail(errors.New(string(body)))
			return
		default:
			t.fail(fmt.Errorf("rank %d sends frames of kind %d", p.rank, kind))
			return
		}
	}
}

// fail ends the group, tells the others, and then the caller of openTCP.
func (t *tcp) fail(err error) {
	t.once.Do(func() {
		t.err = err
		close(t.dead)
		t.sendAbort(err.Error())
		t.lost(err)
	})
}

// sendAbort tells all peers that the run is over.
func (t *tcp) sendAbort(reason string) {
	for _, p := range t.peers {
		p.send(frameAbort, []byte(reason)) // an error does not matter: this peer may be the lost one
	}
}

func (t *tcp) abort(reason string) {
	t.once.Do(func() {
		t.err = errors.New(reason)
		close(t.dead)
		t.sendAbort(fmt.Sprintf("rank %d: %s", t.start.Rank, reason))
	})
}

// next is a peer's next part.
func (t *tcp) next(p *peer) ([]byte, error) {
	select {
	case <-t.dead:
		return nil, t.err
	case body, open := <-p.data:
		switch {
		case open:
			return body, nil
		default:
			select {
			case <-t.dead:
				return nil, t.err
			default:
				return nil, fmt.Errorf("rank %d has left", p.rank)
			}
		}
	}
}

func (t *tcp) allGather(part []byte) ([][]byte, error) {
	if t.start.Rank != 0 {
		hub := t.peers[0]
		if err := hub.send(frameData, part); err != nil {
			t.fail(fmt.Errorf("rank 0 is lost: %w", err))
			return nil, t.err
		}
		body, err := t.next(hub)
		if err != nil {
			return nil, err
		}
		return split(body, t.start.Size)
	}
	all := [][]byte{part}
	joined := appendPart(nil, part)
	for r := 1; r < t.start.Size; r++ {
		body, err := t.next(t.peers[r])
		if err != nil {
			return nil, err
		}
		all, joined = append(all, body), appendPart(joined, body)
	}
	for r := 1; r < t.start.Size; r++ {
		if err := t.peers[r].send(frameData, joined); err != nil {
			t.fail(fmt.Errorf("rank %d is lost: %w", r, err))
			return nil, t.err
		}
	}
	return all, nil
}

func (t *tcp) close() error {
	t.once.Do(func() {
		t.err = errors.New("the group is closed")
		close(t.dead)
	})
	for _, p := range t.peers {
		p.send(frameBye, nil)
		p.conn.Close()
	}
	return nil
}

func newPeer(rank int, conn net.Conn) *peer {
	return &peer{rank: rank, conn: conn, data: make(chan []byte, 1)}
}

func (p *peer) send(kind byte, body []byte) error {
	p.write.Lock()
	defer p.write.Unlock()
	p.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	frame := binary.LittleEndian.AppendUint32([]byte{kind}, uint32(len(body)))
	_, err := p.conn.Write(append(frame, body...))
	return err
}

func readFrame(r io.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}

func appendPart(to, part []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(to, uint32(len(part))), part...)
}

// split undoes appendPart.
func split(joined []byte, n int) (all [][]byte, err error) {
	for range n {
		if len(joined) < 4 || uint64(len(joined)-4) < uint64(binary.LittleEndian.Uint32(joined)) {
			return nil, errors.New("rank 0 sends parts that are cut off")
		}
		k := 4 + int(binary.LittleEndian.Uint32(joined))
		all, joined = append(all, joined[4:k]), joined[k:]
	}
	return all, nil
}
