package ranks

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what takes a moment: that nothing is awaited for ever is what it sees, on a busy machine too.
const patience = time.Minute

// freeAddr is an address that nobody listens on. Its port is below those that systems hand out, so that no connection of another process takes it
// before the test does.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("100 ports, and all are taken")
	return ""
}

// tcpGroup joins so many ranks in this process. lost collects what each is told.
func tcpGroup(t *testing.T, n int) (group []*tcp, lost []chan error) {
	t.Helper()
	addr := freeAddr(t)
	group = make([]*tcp, n)
	errs := make([]error, n)
	var wait sync.WaitGroup
	for range n {
		lost = append(lost, make(chan error, 1))
	}
	for r := range n {
		wait.Go(func() {
			group[r], errs[r] = openTCP(Start{By: TorchRun, Rank: r, Size: n, Addr: addr}, patience, func(err error) { lost[r] <- err })
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range group {
			c.close()
		}
	})
	return group, lost
}

func TestTCPGather(t *testing.T) {
	group, lost := tcpGroup(t, 4)
	var wait sync.WaitGroup
	for r, c := range group {
		wait.Go(func() {
			for round := range 50 {
				part := func(r int) string { return strings.Repeat(fmt.Sprint(r, round), (r+round)%4*100) }
				all, err := c.allGather([]byte(part(r)))
				if err != nil {
					t.Error(err)
					return
				}
				for i, got := range all {
					if string(got) != part(i) {
						t.Errorf("round %d: rank %d has %q of rank %d", round, r, got, i)
					}
				}
			}
			c.close()
		})
	}
	wait.Wait()
	for r, l := range lost {
		select {
		case err := <-l:
			t.Errorf("rank %d, after an orderly end: %v", r, err)
		default:
		}
	}
}

// A rank whose connection ends is noticed by all, at once, whether they wait for something or not.
func TestTCPLost(t *testing.T) {
	for _, gone := range []int{0, 2} {
		group, lost := tcpGroup(t, 4)
		waiting := make(chan error, 1)
		go func() {
			_, err := group[1].allGather(nil)
			waiting <- err
		}()
		time.Sleep(10 * time.Millisecond)
		group[gone].once.Do(func() { close(group[gone].dead) }) // a process that was killed says nothing
		for _, p := range group[gone].peers {
			p.conn.Close()
		}
		want := fmt.Sprintf("rank %d is lost", gone)
		for r := range group {
			if r == gone {
				continue
			}
			select {
			case err := <-lost[r]:
				if !strings.Contains(err.Error(), want) {
					t.Errorf("rank %d is told %q, want %q", r, err, want)
				}
			case <-time.After(patience):
				t.Fatalf("rank %d has not noticed that rank %d is gone", r, gone)
			}
			if _, err := group[r].allGather(nil); err == nil {
				t.Errorf("rank %d goes on", r)
			}
		}
		if err := <-waiting; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("rank 1, waiting: %v", err)
		}
	}
}

func TestTCPAbort(t *testing.T) {
	group, lost := tcpGroup(t, 3)
	group[2].abort("the disk is full")
	for r := range 2 {
		select {
		case err := <-lost[r]:
			if err.Error() != "rank 2: the disk is full" {
				t.Errorf("rank %d is told %q", r, err)
			}
		case <-time.After(patience):
			t.Fatalf("rank %d is not told", r)
		}
	}
	if _, err := group[2].allGather(nil); err == nil || len(lost[2]) != 0 {
		t.Errorf("after its abort, rank 2 has %v, and is told %d errors", err, len(lost[2]))
	}
}

// Whoever has left is not waited for.
func TestTCPLeft(t *testing.T) {
	group, _ := tcpGroup(t, 2)
	group[1].close()
	if _, err := group[0].allGather(nil); err == nil || !strings.Contains(err.Error(), "rank 1 has left") {
		t.Errorf("%v", err)
	}
}

// Ranks on devices of two kinds, whose sums would wait for each other, are refused; all are told.
func TestSameKind(t *testing.T) {
	group, _ := tcpGroup(t, 3)
	for _, odd := range []int{-1, 0, 2} {
		var wait sync.WaitGroup
		for r, c := range group {
			wait.Go(func() {
				if err := sameKind(c, r == odd); (err != nil) != (odd >= 0) {
					t.Errorf("rank %d, with rank %d on another kind: %v", r, odd, err)
				}
			})
		}
		wait.Wait()
	}
}

// Strangers are sent away, and do not keep the ranks from coming.
func TestTCPStrangers(t *testing.T) {
	addr := freeAddr(t)
	come := func(s Start, timeout time.Duration) chan error {
		done := make(chan error, 1)
		go func() {
			c, err := openTCP(s, timeout, func(error) {})
			if err == nil {
				t.Cleanup(func() { c.close() })
			}
			done <- err
		}()
		return done
	}
	hub := come(Start{Rank: 0, Size: 2, Addr: addr}, patience)
	other := come(Start{Rank: 1, Size: 3, Addr: addr}, patience)
	if err := <-other; err == nil || !strings.Contains(err.Error(), "rank 1 of 3 came to a run of 2") {
		t.Errorf("a rank of another run: %v", err)
	}
	for _, says := range []string{"GET / HTTP/1.1\r\n\r\n", "\x01\xff\xff\xff\xff", "\x01\x02\x00\x00\x00hi"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, says)
		conn.SetReadDeadline(time.Now().Add(patience))
		if n, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, errTimeout(err)) {
			t.Errorf("%q is answered with %d bytes: %v", says, n, err)
		}
		conn.Close()
	}
	right := come(Start{Rank: 1, Size: 2, Addr: addr}, patience)
	if err := errors.Join(<-hub, <-right); err != nil {
		t.Error(err)
	}
}

// errTimeout is err if a deadline passed.
func errTimeout(err error) error {
	if e := net.Error(nil); errors.As(err, &e) && e.Timeout() {
		return err
	}
	return nil
}

func TestTCPTimeout(t *testing.T) {
	addr := freeAddr(t)
	if _, err := openTCP(Start{Rank: 0, Size: 2, Addr: addr}, 50*time.Millisecond, nil); err == nil || !strings.Contains(err.Error(), "1 of 2 ranks have come") {
		t.Errorf("rank 0: %v", err)
	}
	if _, err := openTCP(Start{Rank: 1, Size: 2, Addr: addr}, 50*time.Millisecond, nil); err == nil || !strings.Contains(err.Error(), "no rank 0 at "+addr) {
		t.Errorf("rank 1: %v", err)
	}
}
