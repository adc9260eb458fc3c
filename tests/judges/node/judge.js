// ali-oss, the SDK of Node programs and of browsers.
'use strict';
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { Readable } = require('node:stream');
const OSS = require('ali-oss');

const { OSS_ENDPOINT, OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_REGION, JUDGE_SIGNATURE, JUDGE_BUCKET,
  JUDGE_SCRATCH, JUDGE_STS_ENDPOINT, JUDGE_STS_TOKEN, JUDGE_CALLBACK_URL } = process.env;
const V4 = JUDGE_SIGNATURE === 'v4';
const MIB = 1024 * 1024;
const SIGNS = ['a b', 'a+b', 'a%b', 'a%20b', 'a&b<c>"\'', 'a?b#c', 'a=b;c', 'a:b@c!$(d)*,~[e]'];
const UTF8 = ['中文/文件.txt', '💾', 'é', '日本語 テスト'];
const DOTS = ['a//b', '../up', './here', 'x/../y', 'x/./y', 'trailing/', 'a///'];

async function operation(name, run) {
  try {
    await run();
    console.log(JSON.stringify({ operation: name, ok: true }));
  } catch (error) {
    const at = /judge\.js:(\d+)/.exec(error.stack || '');
    const text = `line ${at ? at[1] : '?'}: ${error.code || error.name}: ${error.message}`.replace(/\s+/g, ' ');
    console.log(JSON.stringify({ operation: name, ok: false, error: text.slice(0, 500) }));
  }
}

async function fails(call, status, code) {
  try {
    await call();
  } catch (error) {
    if (status !== undefined) assert.equal(error.status, status, error.message);
    if (code !== undefined) assert.equal(error.code, code, error.message);
    return error;
  }
  throw new Error('it was not refused');
}

function connect(more = {}) {
  return new OSS({
    region: `oss-${OSS_REGION}`, endpoint: OSS_ENDPOINT, accessKeyId: OSS_ACCESS_KEY_ID,
    accessKeySecret: OSS_ACCESS_KEY_SECRET, authorizationV4: V4, bucket: JUDGE_BUCKET, ...more,
  });
}

const client = connect();
const B = JUDGE_BUCKET;
const file = (name, body) => {
  const place = path.join(JUDGE_SCRATCH, name);
  if (body !== undefined) fs.writeFileSync(place, body);
  return place;
};
const read = async (key, options) => (await client.get(key, options)).content;
const equalBytes = (left, right) => assert.ok(Buffer.from(right).equals(left), `${left.length} bytes differ`);
const names = page => (page.objects || []).map(one => one.name);
const md5 = body => crypto.createHash('md5').update(body).digest('base64');
const sign = (key, options = {}) => {
  const { expires = 60, method = 'GET', headers, response, queries } = options;
  if (!V4) return client.signatureUrl(key, { expires, method, ...(headers || {}), response });
  return client.signatureUrlV4(method, expires, { headers, queries }, key);
};

async function buckets() {
  await operation('PutBucket', async () => assert.equal((await client.putBucket(B)).res.status, 200));
  await operation('PutBucket with storage class and ACL', async () => {
    await client.putBucket(`${B}-ia`, { acl: 'public-read', storageClass: 'IA', dataRedundancyType: 'ZRS' });
    const { bucket } = await client.getBucketInfo(`${B}-ia`);
    assert.deepEqual([bucket.StorageClass, bucket.AccessControlList.Grant, bucket.DataRedundancyType],
      ['IA', 'public-read', 'ZRS']);
    await client.deleteBucket(`${B}-ia`);
  });
  await operation('ListBuckets', async () => {
    assert.deepEqual((await client.listBuckets({ prefix: B })).buckets.map(one => one.name), [B]);
  });
  await operation('ListBuckets in pages', async () => {
    const wanted = [0, 1, 2].map(i => `${B}-page${i}`);
    for (const name of wanted) await client.putBucket(name);
    const page = await client.listBuckets({ prefix: `${B}-page`, 'max-keys': 2 });
    assert.equal(page.isTruncated, true);
    const rest = await client.listBuckets({ prefix: `${B}-page`, 'max-keys': 2, marker: page.nextMarker });
    assert.deepEqual([...page.buckets, ...rest.buckets].map(one => one.name), wanted);
    for (const name of wanted) await client.deleteBucket(name);
  });
  await operation('GetBucketInfo', async () => {
    const { bucket } = await client.getBucketInfo(B);
    assert.deepEqual([bucket.Name, bucket.Location, bucket.StorageClass], [B, `oss-${OSS_REGION}`, 'Standard']);
  });
  await operation('GetBucketLocation', async () => {
    assert.equal((await client.getBucketLocation(B)).location, `oss-${OSS_REGION}`);
  });
  await operation('GetBucketStat', async () => {
    const before = (await client.getBucketStat(B)).stat;
    await client.put('stat', Buffer.from('12345'));
    const after = (await client.getBucketStat(B)).stat;
    assert.deepEqual([after.ObjectCount - before.ObjectCount, after.Storage - before.Storage], [1, 5]);
    await client.delete('stat');
  });
  await operation('PutBucketAcl', async () => {
    await client.putBucketACL(B, 'public-read');
    assert.equal((await client.getBucketACL(B)).acl, 'public-read');
    await client.putBucketACL(B, 'private');
  });
  await operation('GetBucketAcl', async () => assert.equal((await client.getBucketACL(B)).acl, 'private'));
  await operation('DeleteBucket', async () => {
    await client.putBucket(`${B}-gone`);
    assert.equal((await client.deleteBucket(`${B}-gone`)).res.status, 204);
    await fails(() => client.deleteBucket(`${B}-gone`), 404, 'NoSuchBucket');
  });
  await operation('DeleteBucket refused while not empty', async () => {
    await client.put('k', Buffer.from(''));
    await fails(() => client.deleteBucket(B), 409, 'BucketNotEmpty');
    await client.delete('k');
  });
}

async function settings() {
  const S = `${B}-set`;
  await client.putBucket(S);
  await operation('PutBucketLifecycle', () => client.putBucketLifecycle(S, [
    { id: 'r1', prefix: 'logs/', status: 'Enabled', expiration: { days: '7' } },
    { id: 'r2', prefix: 'data/', status: 'Enabled', transition: { days: '30', storageClass: 'IA' } },
  ]));
  await operation('GetBucketLifecycle', async () => {
    const { rules } = await client.getBucketLifecycle(S);
    assert.deepEqual(rules.map(rule => [rule.id, rule.prefix, rule.status]),
      [['r1', 'logs/', 'Enabled'], ['r2', 'data/', 'Enabled']]);
    assert.equal(rules[0].expiration.days, '7');
  });
  await operation('DeleteBucketLifecycle', async () => {
    await client.deleteBucketLifecycle(S);
    await fails(() => client.getBucketLifecycle(S), 404, 'NoSuchLifecycle');
  });
  await operation('PutBucketCors', () => client.putBucketCORS(S, [{
    allowedOrigin: 'http://example.com', allowedMethod: ['GET', 'PUT'], allowedHeader: '*',
    exposeHeader: 'x-oss-request-id', maxAgeSeconds: '60',
  }]));
  await operation('GetBucketCors', async () => {
    const [rule] = (await client.getBucketCORS(S)).rules;
    assert.deepEqual([rule.allowedOrigin, rule.allowedMethod, rule.maxAgeSeconds],
      ['http://example.com', ['GET', 'PUT'], '60']);
  });
  await operation('DeleteBucketCors', async () => {
    await client.deleteBucketCORS(S);
    await fails(() => client.getBucketCORS(S), 404, 'NoSuchCORSConfiguration');
  });
  await operation('PutBucketWebsite', () => client.putBucketWebsite(S, { index: 'index.html', error: 'error.html' }));
  await operation('GetBucketWebsite', async () => {
    const got = await client.getBucketWebsite(S);
    assert.deepEqual([got.index, got.error], ['index.html', 'error.html']);
  });
  await operation('DeleteBucketWebsite', async () => {
    await client.deleteBucketWebsite(S);
    await fails(() => client.getBucketWebsite(S), 404, 'NoSuchWebsiteConfiguration');
  });
  await operation('PutBucketLogging', () => client.putBucketLogging(S, 'logs/'));
  await operation('GetBucketLogging', async () => {
    const got = await client.getBucketLogging(S);
    assert.deepEqual([got.enable, got.prefix], [true, 'logs/']);
  });
  await operation('DeleteBucketLogging', async () => {
    await client.deleteBucketLogging(S);
    assert.equal((await client.getBucketLogging(S)).enable, false);
  });
  await operation('PutBucketReferer', () => client.putBucketReferer(S, true, ['http://a.example', 'http://b.example']));
  await operation('GetBucketReferer', async () => {
    const got = await client.getBucketReferer(S);
    assert.deepEqual([String(got.allowEmpty), got.referers], ['true', ['http://a.example', 'http://b.example']]);
    await client.deleteBucketReferer(S);
  });
  await operation('PutBucketEncryption', () => client.putBucketEncryption(S, { SSEAlgorithm: 'AES256' }));
  await operation('GetBucketEncryption', async () => {
    assert.equal((await client.getBucketEncryption(S)).encryption.SSEAlgorithm, 'AES256');
  });
  await operation('DeleteBucketEncryption', async () => {
    await client.deleteBucketEncryption(S);
    await fails(() => client.getBucketEncryption(S), 404, 'NoSuchServerSideEncryptionRule');
  });
  const policy = { Version: '1', Statement: [{ Effect: 'Allow', Action: ['oss:GetObject'], Principal: ['*'],
    Resource: [`acs:oss:*:*:${S}/public/*`] }] };
  await operation('PutBucketPolicy', () => client.putBucketPolicy(S, policy));
  await operation('GetBucketPolicy', async () => {
    assert.deepEqual((await client.getBucketPolicy(S)).policy, policy);
  });
  await operation('DeleteBucketPolicy', async () => {
    await client.deleteBucketPolicy(S);
    assert.equal((await client.getBucketPolicy(S)).policy, null);
  });
  await operation('PutBucketTags', () => client.putBucketTags(S, { a: '1', b: '2' }));
  await operation('GetBucketTags', async () => {
    assert.deepEqual((await client.getBucketTags(S)).tag, { a: '1', b: '2' });
  });
  await operation('DeleteBucketTags', async () => {
    await client.deleteBucketTags(S);
    assert.deepEqual((await client.getBucketTags(S)).tag, {});
  });
  await operation('PutBucketRequestPayment', () => client.putBucketRequestPayment(S, 'Requester'));
  await operation('GetBucketRequestPayment', async () => {
    assert.equal((await client.getBucketRequestPayment(S)).payer, 'Requester');
  });
  await operation('PutBucketInventory', () => client.putBucketInventory(S, {
    id: 'i1', isEnabled: true, prefix: 'p/', frequency: 'Daily', includedObjectVersions: 'All',
    OSSBucketDestination: { format: 'CSV', accountId: '1', rolename: 'r', bucket: B, prefix: 'inv/' },
    optionalFields: { field: ['Size', 'ETag'] },
  }));
  await operation('GetBucketInventory', async () => {
    const { inventory } = await client.getBucketInventory(S, 'i1');
    assert.deepEqual([inventory.id, inventory.isEnabled, inventory.frequency], ['i1', true, 'Daily']);
  });
  await operation('ListBucketInventory', async () => {
    const { inventoryList } = await client.listBucketInventory(S);
    assert.deepEqual(inventoryList.map(one => one.id), ['i1']);
  });
  await operation('DeleteBucketInventory', async () => {
    await client.deleteBucketInventory(S, 'i1');
    await fails(() => client.getBucketInventory(S, 'i1'), 404, 'NoSuchInventory');
  });
  await operation('InitiateBucketWorm', async () => assert.ok((await client.initiateBucketWorm(S, '1')).wormId));
  await operation('GetBucketWorm', async () => {
    const got = await client.getBucketWorm(S);
    assert.deepEqual([got.state, got.days], ['InProgress', '1']);
  });
  await operation('AbortBucketWorm', async () => {
    await client.abortBucketWorm(S);
    await fails(() => client.getBucketWorm(S), 404);
  });
  await operation('CompleteBucketWorm', async () => {
    const { wormId } = await client.initiateBucketWorm(S, '1');
    await client.completeBucketWorm(S, wormId);
    assert.equal((await client.getBucketWorm(S)).state, 'Locked');
  });
  await operation('ExtendBucketWorm', async () => {
    const { wormId } = await client.getBucketWorm(S);
    await client.extendBucketWorm(S, wormId, '2');
    assert.equal((await client.getBucketWorm(S)).days, '2');
  });
}

const BODY = Buffer.from(Array.from({ length: 1024 }, (_, i) => i % 256));

async function puts() {
  await operation('PutObject', async () => {
    const done = await client.put('k', Buffer.from('hello'),
      { mime: 'text/x', headers: { 'Cache-Control': 'no-cache' } });
    assert.equal(done.res.status, 200);
    assert.equal(done.res.headers.etag, '"5D41402ABC4B2A76B9719D911017C592"');
  });
  await operation('PutObject of nothing', async () => {
    await client.put('nothing', Buffer.from(''));
    equalBytes(await read('nothing'), '');
  });
  await operation('PutObject from a file', async () => {
    await client.put('from-file', file('put', 'file'.repeat(1000)));
    equalBytes(await read('from-file'), 'file'.repeat(1000));
  });
  await operation('PutObject of a stream without length', async () => {
    await client.putStream('stream', Readable.from([Buffer.from('ab'), Buffer.alloc(100000, 'c')]));
    equalBytes(await read('stream'), 'ab' + 'c'.repeat(100000));
  });
  await operation('PutObject with Content-MD5', () => client.put('md5', Buffer.from('right'),
    { headers: { 'Content-MD5': md5('right') } }));
  await operation('PutObject with a wrong Content-MD5', async () => {
    await fails(() => client.put('md5', Buffer.from('wrong'), { headers: { 'Content-MD5': md5('right') } }),
      400, 'InvalidDigest');
    equalBytes(await read('md5'), 'right');
  });
  await operation('PutObject with user metadata in UTF-8', async () => {
    const latin1 = connect({ headerEncoding: 'latin1' });
    await latin1.put('meta', Buffer.from(''), { meta: { name: '中文', A: 'b' } });
    const { meta } = await client.head('meta');
    assert.deepEqual([Buffer.from(meta.name, 'latin1').toString(), meta.a], ['中文', 'b']);
  });
  await operation('PutObject with storage class', async () => {
    await client.put('ia', Buffer.from('x'), { headers: { 'x-oss-storage-class': 'IA' } });
    assert.equal((await client.head('ia')).res.headers['x-oss-storage-class'], 'IA');
  });
  await operation('PutObject with ACL', async () => {
    await client.put('acl', Buffer.from('x'), { headers: { 'x-oss-object-acl': 'public-read' } });
    assert.equal((await client.getACL('acl')).acl, 'public-read');
  });
  await operation('PutObject with tags', async () => {
    await client.put('tagged', Buffer.from('x'), { headers: { 'x-oss-tagging': 'a=1&b=2' } });
    assert.equal((await client.head('tagged')).res.headers['x-oss-tagging-count'], '2');
  });
  await operation('PutObject with server-side encryption', async () => {
    await client.put('sse', Buffer.from('x'), { headers: { 'x-oss-server-side-encryption': 'AES256' } });
    assert.equal((await client.head('sse')).res.headers['x-oss-server-side-encryption'], 'AES256');
  });
  await operation('PutObject that may not overwrite', async () => {
    const once = { headers: { 'x-oss-forbid-overwrite': 'true' } };
    await client.put('once', Buffer.from('1'), once);
    await fails(() => client.put('once', Buffer.from('2'), once), 409, 'FileAlreadyExists');
  });
  await operation('PutObject with a callback', async () => {
    const done = await client.put('called', Buffer.from('abc'), { callback: {
      url: JUDGE_CALLBACK_URL, body: 'b=${bucket}&o=${object}&s=${size}&m=${x:mine}',
      contentType: 'application/x-www-form-urlencoded', customValue: { mine: 'yes' } } });
    assert.equal(done.data.got, `b=${B}&o=called&s=3&m=yes`);
  });
  await operation('PutObject with a traffic limit', async () => {
    await client.put('limited', Buffer.alloc(1000), { headers: { 'x-oss-traffic-limit': '819200' } });
    await fails(() => client.put('limited', Buffer.from('x'), { headers: { 'x-oss-traffic-limit': '1' } }),
      400, 'InvalidArgument');
  });
  await operation('PutObject with progress', async () => {
    const seen = [];
    await client.multipartUpload('progress', Buffer.alloc(2 * MIB, 'p'),
      { partSize: MIB, progress: async share => seen.push(share) });
    assert.equal(seen[seen.length - 1], 1);
  });
  await operation('PostObject', async () => {
    const expiration = new Date(Date.now() + 3600e3).toISOString();
    const form = new FormData();
    form.append('key', 'post/${filename}');
    if (V4) {
      const date = new Date();
      const stamp = date.toISOString().replace(/[-:]|\.\d+/g, '');
      const credential = `${OSS_ACCESS_KEY_ID}/${stamp.slice(0, 8)}/${OSS_REGION}/oss/aliyun_v4_request`;
      const policy = { expiration, conditions: [{ bucket: B }, ['starts-with', '$key', 'post/'],
        { 'x-oss-credential': credential }, { 'x-oss-date': stamp },
        { 'x-oss-signature-version': 'OSS4-HMAC-SHA256' }] };
      form.append('policy', Buffer.from(JSON.stringify(policy)).toString('base64'));
      form.append('x-oss-signature-version', 'OSS4-HMAC-SHA256');
      form.append('x-oss-credential', credential);
      form.append('x-oss-date', stamp);
      form.append('x-oss-signature', client.signPostObjectPolicyV4(policy, date));
    } else {
      const fields = client.calculatePostSignature({ expiration, conditions: [{ bucket: B },
        ['starts-with', '$key', 'post/'], ['content-length-range', 1, 100]] });
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
    }
    form.append('success_action_status', '200');
    form.append('file', new Blob(['posted'], { type: 'text/plain' }), '名 a.txt');
    const answer = await fetch(client.generateObjectUrl('').replace(/\/$/, '/'), { method: 'POST', body: form });
    assert.equal(answer.status, 200, await answer.text());
    equalBytes(await read('post/名 a.txt'), 'posted');
  });
}

async function gets() {
  await operation('GetObject', async () => {
    const got = await client.get('k');
    equalBytes(got.content, 'hello');
    assert.deepEqual([got.res.headers['content-type'], got.res.headers['cache-control']], ['text/x', 'no-cache']);
  });
  await operation('GetObject to a file', async () => {
    await client.get('from-file', file('got'));
    assert.equal(fs.readFileSync(file('got'), 'utf8'), 'file'.repeat(1000));
  });
  await client.put('r', BODY);
  await operation('GetObject of a range', async () => {
    const got = await client.get('r', { headers: { Range: 'bytes=10-19' } });
    assert.deepEqual([got.res.status, got.res.headers['content-range']], [206, 'bytes 10-19/1024']);
    equalBytes(got.content, BODY.subarray(10, 20));
    equalBytes(await read('r', { headers: { Range: 'bytes=-24' } }), BODY.subarray(1000));
  });
  await operation('GetObject of a range past the end', async () => {
    const got = await client.get('r', { headers: { Range: 'bytes=1000-5000' } });
    assert.equal(got.res.status, 200);
    equalBytes(got.content, BODY);
    const standard = { 'x-oss-range-behavior': 'standard' };
    equalBytes(await read('r', { headers: { Range: 'bytes=1000-5000', ...standard } }), BODY.subarray(1000));
    await fails(() => read('r', { headers: { Range: 'bytes=2000-3000', ...standard } }), 416, 'InvalidRange');
  });
  await operation('GetObject with conditions', async () => {
    const { etag } = (await client.head('r')).res.headers;
    equalBytes(await read('r', { headers: { 'If-Match': etag } }), BODY);
    await fails(() => read('r', { headers: { 'If-Match': '"no"' } }), 412);
    assert.equal((await client.get('r', { headers: { 'If-None-Match': etag } })).res.status, 304);
  });
  await operation('GetObject with a process refused', () => fails(
    () => read('r', { process: 'image/resize,w_10' }), 400, 'NotImplemented'));
  await operation('HeadObject', async () => {
    const { headers } = (await client.head('k')).res;
    assert.deepEqual([headers['content-length'], headers['content-type'], headers['x-oss-object-type'],
      headers['x-oss-hash-crc64ecma']], ['5', 'text/x', 'Normal', '11177612005948864433']);
  });
  await operation('GetObjectMeta', async () => {
    const { headers } = (await client.getObjectMeta('k')).res;
    assert.deepEqual([headers['content-length'], headers.etag], ['5', '"5D41402ABC4B2A76B9719D911017C592"']);
  });
  await operation('DeleteObject', async () => {
    assert.equal((await client.delete('nothing')).res.status, 204);
    assert.equal((await client.delete('nothing')).res.status, 204);
    await fails(() => client.head('nothing'), 404);
  });
  const many = ['d/1', 'd/ 2', 'd/中', 'd/&<'];
  await operation('DeleteMultipleObjects', async () => {
    for (const key of many) await client.put(key, Buffer.from(''));
    const done = await client.deleteMulti([...many, 'd/absent']);
    assert.deepEqual(done.deleted.map(one => one.Key).sort(), [...many, 'd/absent'].sort());
    assert.deepEqual(names(await client.list({ prefix: 'd/' })), []);
  });
  await operation('DeleteMultipleObjects quietly', async () => {
    for (const key of many) await client.put(key, Buffer.from(''));
    assert.deepEqual((await client.deleteMulti(many, { quiet: true })).deleted, []);
    assert.deepEqual(names(await client.list({ prefix: 'd/' })), []);
  });
}

const SOURCE = '源 +%&';

async function changes() {
  await operation('CopyObject', async () => {
    await client.put(SOURCE, Buffer.from('copy me'), { meta: { a: '1' }, mime: 'text/y' });
    await client.copy('copied', SOURCE);
    const head = await client.head('copied');
    assert.deepEqual([head.meta.a, head.res.headers['content-type']], ['1', 'text/y']);
    equalBytes(await read('copied'), 'copy me');
  });
  await operation('CopyObject with new metadata', async () => {
    await client.copy('copied', SOURCE, { meta: { b: '2' } });
    assert.deepEqual((await client.head('copied')).meta, { b: '2' });
  });
  await operation('CopyObject onto itself', async () => {
    await client.putMeta('copied', { c: '3' });
    assert.equal((await client.head('copied')).meta.c, '3');
    equalBytes(await read('copied'), 'copy me');
  });
  await operation('CopyObject with conditions', async () => {
    const { etag } = (await client.head('k')).res.headers;
    await fails(() => client.copy('c', 'k', { headers: { 'x-oss-copy-source-if-match': '"no"' } }), 412);
    const unchanged = await client.copy('c', 'k', { headers: { 'x-oss-copy-source-if-none-match': etag } });
    assert.equal(unchanged.res.status, 304);
    await client.copy('c', 'k', { headers: { 'x-oss-copy-source-if-match': etag } });
  });
  await operation('AppendObject', async () => {
    const first = await client.append('log', Buffer.from('hello '));
    const second = await client.append('log', Buffer.from('world'), { position: first.nextAppendPosition });
    assert.equal(second.nextAppendPosition, '11');
    equalBytes(await read('log'), 'hello world');
  });
  await operation('AppendObject at a wrong position', () => fails(
    () => client.append('log', Buffer.from('x'), { position: 3 }), 409, 'PositionNotEqualToLength'));
  await operation('PutObjectAcl', async () => {
    await client.putACL('k', 'public-read');
    assert.equal((await client.getACL('k')).acl, 'public-read');
  });
  await operation('GetObjectAcl', async () => {
    await client.putACL('k', 'default');
    assert.equal((await client.getACL('k')).acl, 'default');
  });
  await operation('PutObjectTagging', () => client.putObjectTagging('k', { a: '1', b: '2 x' }));
  await operation('GetObjectTagging', async () => {
    assert.deepEqual((await client.getObjectTagging('k')).tag, { a: '1', b: '2 x' });
  });
  await operation('DeleteObjectTagging', async () => {
    await client.deleteObjectTagging('k');
    assert.deepEqual((await client.getObjectTagging('k')).tag, {});
  });
  await operation('PutSymlink', async () => {
    await client.putSymlink('link', 'k', {});
    equalBytes(await read('link'), 'hello');
  });
  await operation('GetSymlink', async () => {
    assert.equal((await client.getSymlink('link')).targetName, 'k');
    await fails(() => client.getSymlink('k'), 400, 'NotSymlink');
  });
  await operation('RestoreObject', async () => {
    await client.put('frozen', Buffer.from('ice'), { headers: { 'x-oss-storage-class': 'Archive' } });
    await fails(() => read('frozen'), 403, 'InvalidObjectState');
    assert.equal((await client.restore('frozen')).res.status, 202);
    assert.match((await client.head('frozen')).res.headers['x-oss-restore'], /ongoing-request/);
  });
  const roundTrip = async keys => {
    for (const key of keys) await client.put(key, Buffer.from(key));
    for (const key of keys) equalBytes(await read(key), key);
    const listed = names(await client.list({ 'max-keys': 1000 }));
    for (const key of keys) assert.ok(listed.includes(key), `${key} is not listed`);
    for (const key of keys) await client.delete(key);
  };
  await operation('keys with spaces and signs', () => roundTrip([...SIGNS, ' blank ', 'k'.repeat(1023)]));
  await operation('keys in UTF-8', () => roundTrip(UTF8));
  await operation('keys with // and ..', () => roundTrip(DOTS));
}

async function listing() {
  const listed = [...Array.from({ length: 25 }, (_, i) => `l/d${i % 3}/f${String(i).padStart(2, '0')}`), 'l/top'].sort();
  for (const key of listed) await client.put(key, Buffer.from('x'));
  const odd = ['o/ a+b%&<c>', 'o/中文💾'].sort();
  for (const key of odd) await client.put(key, Buffer.from(''));
  const groups = ['l/d0/', 'l/d1/', 'l/d2/'];
  await operation('ListObjects', async () => {
    const page = await client.list({ prefix: 'l/' });
    assert.deepEqual(names(page), listed);
    assert.deepEqual([page.objects[0].size, page.objects[0].type, page.objects[0].storageClass],
      [1, 'Normal', 'Standard']);
  });
  await operation('ListObjects with delimiter', async () => {
    const page = await client.list({ prefix: 'l/', delimiter: '/' });
    assert.deepEqual([page.prefixes, names(page)], [groups, ['l/top']]);
  });
  await operation('ListObjects in pages', async () => {
    const seen = [];
    let marker = null;
    do {
      const page = await client.list({ prefix: 'l/', 'max-keys': 7, marker });
      seen.push(...names(page));
      marker = page.nextMarker;
    } while (marker);
    assert.deepEqual(seen, listed);
  });
  await operation('ListObjects of odd keys', async () => {
    assert.deepEqual(names(await client.list({ prefix: 'o/' })).sort(), odd);
    assert.deepEqual(names(await client.list({ prefix: 'o/ a+b%' })), ['o/ a+b%&<c>']);
  });
  await operation('ListObjectsV2', async () => assert.deepEqual(names(await client.listV2({ prefix: 'l/' })), listed));
  await operation('ListObjectsV2 with delimiter', async () => {
    const page = await client.listV2({ prefix: 'l/', delimiter: '/' });
    assert.deepEqual([page.prefixes, names(page)], [groups, ['l/top']]);
  });
  await operation('ListObjectsV2 in pages', async () => {
    const seen = [];
    let token = null;
    do {
      const page = await client.listV2({ prefix: 'l/', 'max-keys': 7, 'continuation-token': token });
      seen.push(...names(page));
      token = page.nextContinuationToken;
    } while (token);
    assert.deepEqual(seen, listed);
  });
  await operation('ListObjectsV2 of odd keys', async () => {
    assert.deepEqual(names(await client.listV2({ prefix: 'o/' })).sort(), odd);
  });
  await operation('ListObjectsV2 with start-after', async () => {
    assert.deepEqual(names(await client.listV2({ prefix: 'l/', 'start-after': listed[20] })), listed.slice(21));
  });
  await operation('ListObjectsV2 with owner', async () => {
    const page = await client.listV2({ prefix: 'l/', 'fetch-owner': 'true', 'max-keys': 1 });
    assert.ok(page.objects[0].owner.id);
  });
}

async function multipart() {
  const parts = [Buffer.alloc(MIB, 'a'), Buffer.alloc(102400, 'b'), Buffer.from('tail')];
  const whole = Buffer.concat(parts);
  let upload;
  const done = [];
  await operation('InitiateMultipartUpload', async () => {
    upload = (await client.initMultipartUpload('m p', { meta: { k: 'v' } })).uploadId;
    assert.ok(upload);
  });
  await operation('UploadPart', async () => {
    const place = file('parts', whole);
    let start = 0;
    for (const [index, part] of parts.entries()) {
      const { etag } = await client.uploadPart('m p', upload, index + 1, place, start, start + part.length);
      start += part.length;
      done.push({ number: index + 1, etag });
    }
  });
  await operation('ListParts', async () => {
    const page = await client.listParts('m p', upload, { 'max-parts': 2 });
    const rest = await client.listParts('m p', upload, { 'part-number-marker': page.nextPartNumberMarker });
    assert.deepEqual([...page.parts, ...[].concat(rest.parts)].map(one => Number(one.Size)),
      parts.map(one => one.length));
  });
  await operation('ListMultipartUploads', async () => {
    const { uploads } = await client.listUploads({});
    assert.deepEqual(uploads.map(one => [one.name, one.uploadId]), [['m p', upload]]);
  });
  await operation('CompleteMultipartUpload', async () => {
    const { etag } = await client.completeMultipartUpload('m p', upload, done);
    assert.match(etag, /-3"$/);
    equalBytes(await read('m p'), whole);
    const head = await client.head('m p');
    assert.deepEqual([head.meta.k, head.res.headers['x-oss-object-type']], ['v', 'Multipart']);
  });
  await operation('UploadPartCopy', async () => {
    const { uploadId } = await client.initMultipartUpload('part copy');
    const source = { sourceKey: 'm p', sourceBucketName: B };
    const one = await client.uploadPartCopy('part copy', uploadId, 1, `0-${MIB - 1}`, source, {});
    const two = await client.uploadPartCopy('part copy', uploadId, 2, `${MIB}-${whole.length - 1}`, source, {});
    await client.completeMultipartUpload('part copy', uploadId,
      [one, two].map((part, i) => ({ number: i + 1, etag: part.etag })));
    equalBytes(await read('part copy'), whole);
  });
  await operation('AbortMultipartUpload', async () => {
    const { uploadId } = await client.initMultipartUpload('gone');
    assert.equal((await client.abortMultipartUpload('gone', uploadId)).res.status, 204);
    assert.deepEqual((await client.listUploads({})).uploads, []);
  });
  const big = Buffer.from(Array.from({ length: 3 * MIB + 7 }, (_, i) => i % 251));
  await operation('resumable upload', async () => {
    let checkpoint;
    const place = file('big', big);
    await assert.rejects(client.multipartUpload('big', place, { partSize: MIB, parallel: 1, progress: async (p, cpt) => {
      checkpoint = cpt;
      if (p > 0.4) throw new Error('stopped half way');
    } }));
    assert.ok(checkpoint.doneParts.length > 0);
    await client.multipartUpload('big', place, { checkpoint });
    equalBytes(await read('big'), big);
  });
  await operation('resumable copy', async () => {
    await client.multipartUploadCopy('big copy', { sourceKey: 'big', sourceBucketName: B }, { partSize: MIB });
    equalBytes(await read('big copy'), big);
  });
  await operation('NoSuchUpload', () => fails(
    () => client.completeMultipartUpload('m p', upload, done), 404, 'NoSuchUpload'));
}

async function access() {
  const bytes = async url => Buffer.from(await (await fetch(url)).arrayBuffer());
  await operation('presigned GET', async () => equalBytes(await bytes(await sign(SOURCE)), 'copy me'));
  await operation('presigned PUT', async () => {
    const headers = { 'Content-Type': 'text/plain' };
    const url = V4 ? await sign('signed dir/中 +', { method: 'PUT', headers })
      : client.signatureUrl('signed dir/中 +', { expires: 60, method: 'PUT', 'Content-Type': 'text/plain' });
    const answer = await fetch(url, { method: 'PUT', body: 'body', headers });
    assert.equal(answer.status, 200, await answer.text());
    equalBytes(await read('signed dir/中 +'), 'body');
  });
  await operation('presigned GET with response overrides', async () => {
    const url = await sign('k', V4 ? { queries: { 'response-content-type': 'x/y' } }
      : { response: { 'content-type': 'x/y' } });
    assert.equal((await fetch(url)).headers.get('content-type'), 'x/y');
  });
  await operation('presigned GET of a wrong key', async () => {
    const answer = await fetch((await sign('k')).replace('/k?', '/r?'));
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /SignatureDoesNotMatch/);
  });
  const sts = connect({ endpoint: JUDGE_STS_ENDPOINT, stsToken: JUDGE_STS_TOKEN,
    refreshSTSToken: async () => ({ accessKeyId: OSS_ACCESS_KEY_ID, accessKeySecret: OSS_ACCESS_KEY_SECRET,
      stsToken: JUDGE_STS_TOKEN }) });
  await operation('STS token', async () => {
    await sts.putBucket(B);
    await sts.put('k', Buffer.from('x'));
    equalBytes((await sts.get('k')).content, 'x');
    await fails(() => connect({ endpoint: JUDGE_STS_ENDPOINT }).get('k'), 403);
  });
  await operation('presigned GET with STS token', async () => {
    const url = V4 ? await sts.signatureUrlV4('GET', 60, {}, 'k') : sts.signatureUrl('k', { expires: 60 });
    equalBytes(await bytes(url), 'x');
    await sts.delete('k');
    await sts.deleteBucket(B);
  });
  await operation('NoSuchKey', async () => {
    await fails(() => read('absent'), 404, 'NoSuchKey');
    await fails(() => client.head('absent'), 404, 'NoSuchKey');
  });
  await operation('NoSuchBucket', () => fails(() => connect({ bucket: `${B}-no` }).list(), 404, 'NoSuchBucket'));
  await operation('SignatureDoesNotMatch', () => fails(
    () => connect({ accessKeySecret: 'wrong' }).get('k'), 403, 'SignatureDoesNotMatch'));
  await operation('InvalidAccessKeyId', () => fails(
    () => connect({ accessKeyId: 'nobody' }).get('k'), 403, 'InvalidAccessKeyId'));
}

async function versions() {
  const V = `${B}-ver`;
  await client.putBucket(V);
  const v = connect({ bucket: V });
  const text = async (key, versionId) => (await v.get(key, versionId ? { versionId } : {})).content.toString();
  let ids;
  let marker;
  await operation('PutBucketVersioning', async () => {
    assert.equal((await client.putBucketVersioning(V, 'Enabled')).res.status, 200);
  });
  await operation('GetBucketVersioning', async () => {
    assert.equal((await client.getBucketVersioning(V)).versionStatus, 'Enabled');
    assert.equal((await client.getBucketVersioning(B)).versionStatus, undefined);
  });
  await operation('PutObject with version id', async () => {
    ids = [];
    for (const body of ['one', 'two', 'three']) {
      ids.push((await v.put('k', Buffer.from(body))).res.headers['x-oss-version-id']);
    }
    assert.equal(new Set(ids.filter(Boolean)).size, 3);
  });
  await operation('GetObject of a version', async () => {
    assert.deepEqual([await text('k', ids[0]), await text('k')], ['one', 'three']);
  });
  await operation('HeadObject of a version', async () => {
    assert.ok(ids[1]);
    assert.equal((await v.head('k', { versionId: ids[1] })).res.headers['x-oss-version-id'], ids[1]);
  });
  await operation('CopyObject of a version', async () => {
    await v.copy('copy', 'k', { versionId: ids[0] });
    assert.equal(await text('copy'), 'one');
  });
  await operation('DeleteObject leaves a delete marker', async () => {
    const { headers } = (await v.delete('k')).res;
    assert.equal(headers['x-oss-delete-marker'], 'true');
    marker = headers['x-oss-version-id'];
    await fails(() => v.get('k'), 404, 'NoSuchKey');
  });
  await operation('ListObjectVersions', async () => {
    const page = await v.listObjectVersions({ prefix: 'k' });
    assert.deepEqual(page.objects.map(one => one.versionId), [...ids].reverse());
    assert.deepEqual(page.deleteMarker.map(one => one.versionId), [marker]);
  });
  await operation('ListObjectVersions in pages', async () => {
    const seen = [];
    let query = { prefix: 'k', 'max-keys': 1 };
    for (;;) {
      const page = await v.getBucketVersions(query);
      seen.push(...[...page.objects, ...page.deleteMarker].map(one => one.versionId));
      if (!page.isTruncated) break;
      query = { prefix: 'k', 'max-keys': 1, keyMarker: page.NextKeyMarker || page.nextKeyMarker,
        versionIdMarker: page.NextVersionIdMarker || page.nextVersionIdMarker };
    }
    assert.deepEqual(seen, [marker, ...[...ids].reverse()]);
  });
  await operation('DeleteObject of a version', async () => {
    await v.delete('k', { versionId: marker });
    assert.equal(await text('k'), 'three');
    await v.delete('k', { versionId: ids[2] });
    assert.equal(await text('k'), 'two');
  });
  await operation('DeleteMultipleObjects of versions', async () => {
    assert.ok(ids[0]);
    const gone = await v.deleteMulti(ids.slice(0, 2).map(versionId => ({ key: 'k', versionId })));
    assert.deepEqual(gone.deleted.map(one => one.VersionId).sort(), ids.slice(0, 2).sort());
    await fails(() => v.get('k'), 404, 'NoSuchKey');
  });
  await operation('versioning suspended', async () => {
    await client.putBucketVersioning(V, 'Suspended');
    assert.equal((await v.put('s', Buffer.from('1'))).res.headers['x-oss-version-id'], 'null');
    await v.put('s', Buffer.from('2'));
    assert.deepEqual((await v.listObjectVersions({ prefix: 's' })).objects.map(one => one.versionId), ['null']);
  });
}

(async () => {
  for (const part of [buckets, settings, puts, gets, changes, listing, multipart, access, versions]) await part();
})();
