package judge;

import static judge.Judge.*;

import com.aliyun.oss.model.AbortMultipartUploadRequest;
import com.aliyun.oss.model.CompleteMultipartUploadRequest;
import com.aliyun.oss.model.CompleteMultipartUploadResult;
import com.aliyun.oss.model.DownloadFileRequest;
import com.aliyun.oss.model.InitiateMultipartUploadRequest;
import com.aliyun.oss.model.ListMultipartUploadsRequest;
import com.aliyun.oss.model.ListPartsRequest;
import com.aliyun.oss.model.ObjectMetadata;
import com.aliyun.oss.model.PartETag;
import com.aliyun.oss.model.UploadFileRequest;
import com.aliyun.oss.model.UploadPartCopyRequest;
import com.aliyun.oss.model.UploadPartRequest;
import com.aliyun.oss.model.UploadPartResult;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;

/** Multipart. */
final class Uploads {
    private static final List<byte[]> PARTS = List.of(repeat("a", MIB), repeat("b", 102400), utf8("tail"));
    private static final byte[] WHOLE = utf8("a".repeat(MIB) + "b".repeat(102400) + "tail");
    private static final byte[] BIG = new byte[3 * MIB + 7];

    private static String upload;
    private static final List<PartETag> done = new ArrayList<>();

    static {
        for (int i = 0; i < BIG.length; i++) {
            BIG[i] = (byte) (i % 251);
        }
    }

    private static String begin(String key) {
        return client.initiateMultipartUpload(new InitiateMultipartUploadRequest(BUCKET, key)).getUploadId();
    }

    private static UploadPartResult part(String key, String upload, int number, byte[] body) {
        return client.uploadPart(new UploadPartRequest(BUCKET, key, upload, number, stream(body), body.length));
    }

    private static CompleteMultipartUploadResult complete(String key, String upload, List<PartETag> parts) {
        return client.completeMultipartUpload(new CompleteMultipartUploadRequest(BUCKET, key, upload, parts));
    }

    static void run() {
        operation("InitiateMultipartUpload", () -> {
            var metadata = new ObjectMetadata();
            metadata.addUserMetadata("k", "v");
            upload = client.initiateMultipartUpload(new InitiateMultipartUploadRequest(BUCKET, "m p", metadata))
                    .getUploadId();
            check(!upload.isEmpty(), "an identifier");
        });

        operation("UploadPart", () -> {
            for (int i = 0; i < PARTS.size(); i++) {
                var result = part("m p", upload, i + 1, PARTS.get(i));
                equal(all(result.getETag(), result.getServerCRC()), all(etag(PARTS.get(i)), result.getClientCRC()));
                done.add(result.getPartETag());
            }
        });

        operation("ListParts", () -> {
            var seen = new ArrayList<Object>();
            var request = new ListPartsRequest(BUCKET, "m p", upload);
            request.setMaxParts(1);
            for (int i = 0; i < 3; i++) {
                var page = client.listParts(request);
                page.getParts().forEach(one -> seen.add(all(one.getPartNumber(), one.getSize())));
                equal(page.isTruncated(), i < 2);
                request.setPartNumberMarker(page.getNextPartNumberMarker());
            }
            equal(seen, all(all(1, (long) MIB), all(2, 102400L), all(3, 4L)));
        });

        operation("ListMultipartUploads", () -> {
            var uploads = client.listMultipartUploads(new ListMultipartUploadsRequest(BUCKET)).getMultipartUploads();
            equal(uploads.stream().map(one -> all(one.getKey(), one.getUploadId())).toList(), all(all("m p", upload)));
        });

        operation("CompleteMultipartUpload", () -> {
            var result = complete("m p", upload, done);
            check(result.getETag().endsWith("-3"), result.getETag());
            // The SDK reckons the whole object's checksum from its parts' and checks the server's.
            equal(result.getServerCRC(), result.getClientCRC());
            equal(read("m p"), WHOLE);
            equal(all(head("m p").getObjectType(), head("m p").getUserMetadata().get("k")), all("Multipart", "v"));
        });

        operation("UploadPartCopy", () -> {
            var copy = begin("part copy");
            var parts = List.of(
                    client.uploadPartCopy(new UploadPartCopyRequest(
                            BUCKET, "m p", BUCKET, "part copy", copy, 1, 0L, (long) MIB)).getPartETag(),
                    client.uploadPartCopy(new UploadPartCopyRequest(
                            BUCKET, "m p", BUCKET, "part copy", copy, 2, (long) MIB, 102404L)).getPartETag());
            complete("part copy", copy, new ArrayList<>(parts));
            equal(read("part copy"), WHOLE);
        });

        operation("CompleteMultipartUpload of all parts", () -> {
            var everything = begin("all");
            part("all", everything, 1, utf8("x"));
            var request = new CompleteMultipartUploadRequest(BUCKET, "all", everything, null);
            request.addHeader("x-oss-complete-all", "yes");
            client.completeMultipartUpload(request);
            equal(read("all"), utf8("x"));
        });

        operation("AbortMultipartUpload", () -> {
            var gone = begin("gone");
            client.abortMultipartUpload(new AbortMultipartUploadRequest(BUCKET, "gone", gone));
            equal(client.listMultipartUploads(new ListMultipartUploadsRequest(BUCKET)).getMultipartUploads().size(), 0);
            fails(404, "NoSuchUpload", () -> part("gone", gone, 1, utf8("x")));
        });

        operation("NoSuchUpload", () -> fails(404, "NoSuchUpload", () -> complete("m p", upload, done)));

        operation("resumable upload", () -> {
            client.uploadFile(new UploadFileRequest(BUCKET, "big", file("big", BIG).toString(), MIB, 2, true));
            equal(all(head("big").getContentLength(), head("big").getObjectType()),
                    all((long) BIG.length, "Multipart"));
            equal(read("big"), BIG);
        });

        operation("resumable download", () -> {
            client.downloadFile(new DownloadFileRequest(BUCKET, "big", file("big.got").toString(), MIB, 2, true));
            equal(Files.readAllBytes(file("big.got")), BIG);
        });
    }
}
