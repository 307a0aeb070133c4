// Command go_verifier verifies the log folder of a gateway with the Go project's own packages note and tlog.
//
//	go_verifier -key VKEY [-witness VKEY]... [-since CHECKPOINT] FOLDER
//
// It shares no code with the project. It follows the log's key from the one given through the handovers in log.keys, and checks
// the checkpoint's signature and cosignatures, that the tiles lead to its root, that every entry hashes to its leaf, that labels
// lead to the roots in the releases, that policies hash to what the entries say that put them in force and handovers to what
// the entries say that record them, and, with -since, that the log has only grown from an earlier checkpoint. It prints
// "ok SIZE WITNESSES", or "FAIL " and what is wrong, and then exits with 1.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight    = 8
	tileWidth     = 1 << tileHeight
	labelBytes    = 16
	witnessKey    = 0x04
	commonFields  = 0xa7                      // a CBOR map of seven
	releaseFields = 0xa9                      // and one of nine
	longLog       = 1 << 24                   // entries; the top tile of a longer log must be there before anything else is read
	mostEntries   = 1 << 60                   // the library counts hashes, of which there are twice as many, in an int64
	noteBytes     = 1 << 16                   // the longest checkpoint
	tileBytes     = tileWidth * tlog.HashSize // the longest tile
	otherBytes    = tileWidth * (2 + 65535)   // the longest bundle of entries; labels and policies are shorter
	handoverLine  = "sluice.net/key-handover/v1"
	mostHandovers = 1000
	keysBytes     = 1 << 20 // the longest log.keys
)

func fail(format string, arguments ...any) {
	fmt.Printf("FAIL "+format+"\n", arguments...)
	os.Exit(1)
}

// witnessVerifier checks cosignature/v1 lines, which the note package does not know.
type witnessVerifier struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w witnessVerifier) Name() string    { return w.name }
func (w witnessVerifier) KeyHash() uint32 { return w.hash }

func (w witnessVerifier) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	seen := binary.BigEndian.Uint64(signature)
	message := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", seen)), text...)
	return ed25519.Verify(w.key, message, signature[8:])
}

func newWitnessVerifier(vkey string) witnessVerifier {
	fields := strings.SplitN(vkey, "+", 3)
	if len(fields) != 3 {
		fail("key: `%s`", vkey)
	}
	data, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != witnessKey {
		fail("key: `%s`", vkey)
	}
	sum := sha256.Sum256(append([]byte(fields[0]+"\n"), data...))
	if hex.EncodeToString(sum[:4]) != fields[1] {
		fail("key: `%s`", vkey)
	}
	return witnessVerifier{fields[0], binary.BigEndian.Uint32(sum[:4]), data[1:]}
}

// readRegular returns the bytes of a regular file; a pipe or a device, or a file without end, is refused.
func readRegular(name string, most int64) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !found.Mode().IsRegular() || found.Size() > most {
		return nil, fmt.Errorf("%s: no regular file of at most %d bytes", name, most)
	}
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s: longer than %d bytes", name, most)
	}
	return data, err
}

// logKey is a key of the log; text is its text form, of which it has but one.
type logKey struct {
	note.Verifier
	text string
}

func newLogKey(text string) (logKey, error) {
	verifier, err := note.NewVerifier(text)
	if err != nil {
		return logKey{}, err
	}
	data, err := base64.StdEncoding.DecodeString(strings.SplitN(text, "+", 3)[2])
	if err != nil || text != fmt.Sprintf("%s+%08x+%s", verifier.Name(), verifier.KeyHash(), base64.StdEncoding.EncodeToString(data)) {
		return logKey{}, fmt.Errorf("`%s` is not the text form of a key", text)
	}
	return logKey{verifier, text}, nil
}

// handover is one step of log.keys: the former key signs the log up to and without an entry, the new one from it on.
type handover struct {
	entry       int64
	former, new logKey
	note        []byte
}

// parseHandover returns the handover in a note that its two keys have signed, in this order and nobody else.
func parseHandover(signed []byte) (handover, error) {
	lines := strings.SplitN(string(signed), "\n", 6)
	if len(lines) < 6 || lines[0] != handoverLine || !strings.HasPrefix(lines[5], "\n") {
		return handover{}, errors.New("not the five lines of a handover")
	}
	entry, err := strconv.ParseInt(lines[2], 10, 64)
	if err != nil || entry < 0 || strconv.FormatInt(entry, 10) != lines[2] {
		return handover{}, fmt.Errorf("`%s` is no index", lines[2])
	}
	former, err := newLogKey(lines[3])
	if err != nil {
		return handover{}, err
	}
	new, err := newLogKey(lines[4])
	if err != nil {
		return handover{}, err
	}
	if former.Name() != lines[1] || new.Name() != lines[1] {
		return handover{}, errors.New("its keys are not those of one log")
	}
	opened, err := note.Open(signed, note.VerifierList(former, new))
	if err != nil {
		return handover{}, err
	}
	// The package passes over repeated lines and second spellings; a handover has one form, which is what the log commits to.
	only := strings.Join(lines[:5], "\n") + "\n\n"
	for at, signature := range opened.Sigs {
		data, err := base64.StdEncoding.DecodeString(signature.Base64)
		if err != nil || at > 1 || signature.Hash != []logKey{former, new}[at].KeyHash() {
			return handover{}, errors.New("not signed by the former key and the new one, in this order")
		}
		only += fmt.Sprintf("\u2014 %s %s\n", signature.Name, base64.StdEncoding.EncodeToString(data))
	}
	if len(opened.Sigs) != 2 || only != string(signed) {
		return handover{}, errors.New("not signed by the former key and the new one, and nobody else")
	}
	return handover{entry, former, new, signed}, nil
}

// readHandovers returns the handovers in a folder, once each is found to follow from the one before; none where it has no log.keys.
func readHandovers(folder string) []handover {
	data, err := readRegular(filepath.Join(folder, "log.keys"), keysBytes)
	if os.IsNotExist(err) || err == nil && len(data) == 0 {
		return nil
	}
	if err != nil {
		fail("log.keys: %v", err)
	}
	parts := bytes.Split(data, []byte("\n\n"))
	if len(parts)%2 != 0 || len(parts) > 2*mostHandovers {
		fail("log.keys: not handovers one after the other")
	}
	var found []handover
	former := map[string]bool{}
	for at := 0; at < len(parts); at += 2 {
		signed := bytes.Join(parts[at:at+2], []byte("\n\n"))
		if at+2 < len(parts) {
			signed = append(signed, '\n')
		}
		one, err := parseHandover(signed)
		if err != nil {
			fail("log.keys: handover %d: %v", at/2, err)
		}
		if former[one.former.text] = true; former[one.new.text] {
			fail("log.keys: handover %d: leads back to a key that had been handed over", at/2)
		}
		if at > 0 && (one.former.text != found[at/2-1].new.text || one.entry <= found[at/2-1].entry) {
			fail("log.keys: handover %d: does not follow from the one before", at/2)
		}
		found = append(found, one)
	}
	return found
}

// logKeys are the keys of a log from the one given on, forwards.
type logKeys struct {
	given     logKey
	handovers []handover
}

// follow returns the keys to which handovers lead from one of the log's keys.
func follow(given logKey, handovers []handover) logKeys {
	for at, one := range handovers {
		if one.former.text == given.text {
			return logKeys{given, handovers[at:]}
		}
	}
	if last := len(handovers) - 1; last >= 0 && handovers[last].new.text != given.text {
		fail("log.keys: the handovers do not pass through the key `%s`", given.text)
	}
	return logKeys{given, nil}
}

// at returns the key that has to have signed a checkpoint of a size, whoever else has.
func (k logKeys) at(size int64) logKey {
	due := k.given
	for _, one := range k.handovers {
		if one.entry < size {
			due = one.new
		}
	}
	return due
}

// openCheckpoint returns the tree that a signed checkpoint commits to, and how many of the witnesses have cosigned it.
func openCheckpoint(file string, log logKeys, witnesses []note.Verifier) (tlog.Tree, int) {
	data, err := readRegular(file, noteBytes)
	if err != nil {
		fail("checkpoint: %v", err)
	}
	known := append([]note.Verifier{log.given}, witnesses...)
	for _, one := range log.handovers {
		known = append(known, one.new)
	}
	opened, err := note.Open(data, note.VerifierList(known...))
	if err != nil {
		fail("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != log.given.Name() {
		fail("checkpoint: not the log's own")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		fail("checkpoint: size `%s`", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		fail("checkpoint: %v", err)
	}
	signed := func(verifier note.Verifier) bool {
		for _, signature := range opened.Sigs {
			if signature.Name == verifier.Name() && signature.Hash == verifier.KeyHash() {
				return true
			}
		}
		return false
	}
	if due := log.at(size); !signed(due) {
		fail("checkpoint: the log's key at this size, `%s`, has not signed it", due.text)
	}
	cosigned := 0
	for _, witness := range witnesses {
		if signed(witness) {
			cosigned++
		}
	}
	return tlog.Tree{N: size, Hash: root}, cosigned
}

// folderTiles reads tiles from a folder in the layout of C2SP tlog-tiles, which leaves out the height.
type folderTiles string

func (folder folderTiles) Height() int { return tileHeight }

func (folder folderTiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (folder folderTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := readWide(string(folder), tile)
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", path(tile), len(data))
		}
		all = append(all, data[:tile.W*tlog.HashSize])
	}
	return all, nil
}

func path(tile tlog.Tile) string {
	name := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	return "tile/" + strings.Replace(name, "data/", "entries/", 1)
}

// readWide reads a tile, or the full one that has replaced a partial one.
func readWide(folder string, tile tlog.Tile) ([]byte, error) {
	most := int64(tileBytes)
	if tile.L < 0 {
		most = otherBytes
	}
	data, err := readRegular(filepath.Join(folder, path(tile)), most)
	if os.IsNotExist(err) && tile.W < tileWidth {
		tile.W = tileWidth
		return readRegular(filepath.Join(folder, path(tile)), most)
	}
	return data, err
}

// entries returns the entries of a bundle.
func entries(folder string, block int64, width int) [][]byte {
	tile := tlog.Tile{H: tileHeight, L: -1, N: block, W: width}
	data, err := readWide(folder, tile)
	if err != nil {
		fail("%s: %v", path(tile), err)
	}
	var found [][]byte
	for len(found) < width {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			fail("%s: entry %d runs past its end", path(tile), len(found))
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		found, data = append(found, data[2:end]), data[end:]
	}
	return found
}

// checkLabels compares the labels of a release with the last hash in its entry; any other entry has none.
func checkLabels(folder string, index int64, entry []byte) {
	if len(entry) < 36 || entry[0] != releaseFields || !bytes.HasPrefix(entry[1:], []byte{0, 1, 1, 6}) {
		return
	}
	name := fmt.Sprintf("labels/%d", index)
	data, err := readRegular(filepath.Join(folder, name), otherBytes)
	if err != nil || len(data) == 0 || len(data)%labelBytes != 0 {
		fail("%s: %v, %d bytes", name, err, len(data))
	}
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, at := range indexes {
			found = append(found, stored[at])
		}
		return found, nil
	})
	count := int64(len(data) / labelBytes)
	for at := int64(0); at < count; at++ {
		label := data[at*labelBytes : (at+1)*labelBytes]
		if at > 0 && bytes.Compare(data[(at-1)*labelBytes:at*labelBytes], label) >= 0 {
			fail("%s: label %d out of order", name, at)
		}
		hashes, err := tlog.StoredHashes(at, label, read)
		if err != nil {
			fail("%s: %v", name, err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(count, read)
	if err != nil || count&(count-1) != 0 || !bytes.Equal(root[:], entry[len(entry)-tlog.HashSize:]) {
		fail("%s: not what the entry commits to", name)
	}
}

// skipNumber returns what follows a whole number in CBOR.
func skipNumber(data []byte) []byte {
	if len(data) == 0 {
		return nil
	}
	length := 1
	if short := data[0] & 31; short >= 24 && short <= 27 {
		length += 1 << (short - 24)
	}
	if len(data) < length {
		return nil
	}
	return data[length:]
}

// checkPolicies compares the policies that an entry puts in force with their hash in it; any other entry has none.
func checkPolicies(folder string, index int64, entry []byte) {
	if len(entry) < 6 || entry[0] != commonFields || !bytes.HasPrefix(entry[1:], []byte{0, 1, 1, 2, 2}) {
		return
	}
	rest := skipNumber(entry[6:]) // the time
	if len(rest) == 0 || rest[0] != 3 {
		fail("entry %d: no sequence", index)
	}
	rest = skipNumber(rest[1:])
	if !bytes.HasPrefix(rest, []byte{4, 0x58, sha256.Size}) || len(rest) < 3+sha256.Size {
		fail("entry %d: no policy", index)
	}
	digest := rest[3 : 3+sha256.Size]
	name := "policies/" + hex.EncodeToString(digest)
	data, err := readRegular(filepath.Join(folder, name), otherBytes)
	if sum := sha256.Sum256(data); err != nil || !bytes.Equal(sum[:], digest) {
		fail("%s: %v, not what entry %d put in force", name, err, index)
	}
}

// checkHandover compares an entry that is to record a handover with what that would commit to: one leaf, of a part under a salt
// that follows from the note.
func checkHandover(index int64, entry []byte, one handover) {
	salt := sha256.Sum256(append([]byte("sluice key handover"), one.note...))
	part := hmac.New(sha256.New, salt[:])
	part.Write([]byte("\xa2\x64kind\x67log-key\x68handover\x59"))
	part.Write([]byte{byte(len(one.note) >> 8), byte(len(one.note))}) // two bytes: two keys and two signatures take no less
	part.Write(one.note)
	commitment := tlog.RecordHash(part.Sum(nil))
	if !bytes.HasPrefix(entry, []byte{commonFields, 0, 1, 1, 9}) || !bytes.HasSuffix(entry, append([]byte{6, 0x58, sha256.Size}, commitment[:]...)) {
		fail("entry %d: log.keys says that it hands the log over, and it does not", index)
	}
}

type witnessKeys []note.Verifier

func (k *witnessKeys) String() string { return "" }

func (k *witnessKeys) Set(vkey string) error {
	*k = append(*k, newWitnessVerifier(vkey))
	return nil
}

func main() {
	var witnesses witnessKeys
	key := flag.String("key", "", "the log's public key, or one that it had before")
	since := flag.String("since", "", "an earlier checkpoint")
	flag.Var(&witnesses, "witness", "a witness's public key")
	flag.Parse()
	folder := flag.Arg(0)
	given, err := newLogKey(*key)
	if err != nil {
		fail("key: %v", err)
	}
	handovers := readHandovers(folder)
	recorded := map[int64]handover{}
	for _, one := range handovers {
		recorded[one.entry] = one
	}
	log := follow(given, handovers)
	tree, cosigned := openCheckpoint(filepath.Join(folder, "checkpoint"), log, witnesses)
	if tree.N == 0 {
		if empty := sha256.Sum256(nil); tree.Hash != tlog.Hash(empty) {
			fail("checkpoint: not the root of an empty log")
		}
		fmt.Printf("ok 0 %d\n", cosigned)
		return
	}
	if tree.N > mostEntries {
		fail("checkpoint: `%d` entries are more than this program can count", tree.N)
	}
	if tree.N >= longLog {
		level := (bits.Len64(uint64(tree.N)) - 1) / tileHeight
		top := tlog.Tile{H: tileHeight, L: level, W: int(tree.N >> (level * tileHeight))}
		if _, err := readWide(folder, top); err != nil {
			fail("checkpoint: nothing shows that the log has `%d` entries: %v", tree.N, err)
		}
	}
	reader := tlog.TileHashReader(tree, folderTiles(folder))
	for block := int64(0); block*tileWidth < tree.N; block++ {
		width := tileWidth
		if rest := tree.N - block*tileWidth; rest < tileWidth {
			width = int(rest)
		}
		var indexes []int64
		for place := 0; place < width; place++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, block*tileWidth+int64(place)))
		}
		leaves, err := reader.ReadHashes(indexes)
		if err != nil {
			fail("block %d: %v", block, err)
		}
		for place, entry := range entries(folder, block, width) {
			index := block*tileWidth + int64(place)
			if tlog.RecordHash(entry) != leaves[place] {
				fail("entry %d: does not hash to its leaf", index)
			}
			checkLabels(folder, index, entry)
			checkPolicies(folder, index, entry)
			if one, due := recorded[index]; due {
				checkHandover(index, entry, one)
			}
		}
	}
	if *since != "" {
		older, _ := openCheckpoint(*since, log, nil)
		if older.N > tree.N {
			fail("since: %d entries fall behind %d", tree.N, older.N)
		}
		if older.N > 0 {
			proof, err := tlog.ProveTree(tree.N, older.N, reader)
			if err != nil {
				fail("since: %v", err)
			}
			if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
				fail("since: %v", err)
			}
		}
	}
	fmt.Printf("ok %d %d\n", tree.N, cosigned)
}
