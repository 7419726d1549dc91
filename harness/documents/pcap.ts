/**
 * The pcap file format (draft-ietf-opsawg-pcap), with nanoseconds: what tcpdump, tshark and Wireshark open. Always little
 * endian, which a reader tells from the first number.
 */
const magic = 0xa1b23c4d
const headerBytes = 24
const recordBytes = 16
const linkTypeEthernet = 1

export interface PcapRecord {
  /** Since 1970, by the wall clock. */
  seconds: number
  nanoseconds: number
  /** As it was sent; `bytes` may be only the beginning of it. */
  length: number
  bytes: Uint8Array
}

/** What a file begins with. @param mostBytes of a packet that are kept */
export function pcapHeader(mostBytes: number): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32LE(magic, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(mostBytes, 16)
  header.writeUInt32LE(linkTypeEthernet, 20)
  return header
}

/** What stands in a file for a packet. */
export function pcapRecord({seconds, nanoseconds, length, bytes}: PcapRecord): Buffer {
  const record = Buffer.alloc(recordBytes + bytes.length)
  record.writeUInt32LE(seconds, 0)
  record.writeUInt32LE(nanoseconds, 4)
  record.writeUInt32LE(bytes.length, 8)
  record.writeUInt32LE(length, 12)
  record.set(bytes, recordBytes)
  return record
}

/** The packets of a file without its header, up to wherever it breaks off. */
export function pcapRecords(file: Buffer): PcapRecord[] {
  const records: PcapRecord[] = []
  for (let at = 0; at + recordBytes <= file.length; ) {
    const begin = at + recordBytes
    const end = begin + file.readUInt32LE(at + 8)
    if (end > file.length) break
    records.push({
      seconds: file.readUInt32LE(at),
      nanoseconds: file.readUInt32LE(at + 4),
      length: file.readUInt32LE(at + 12),
      bytes: file.subarray(begin, end),
    })
    at = end
  }
  return records
}
