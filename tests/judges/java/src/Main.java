package judge;

/** aliyun-sdk-oss, the Java SDK: every group of operations in turn, since later ones use what earlier ones stored. */
public final class Main {
    public static void main(String[] arguments) throws Exception {
        Buckets.run();
        Settings.run();
        ObjectCalls.run();
        Listings.run();
        Uploads.run();
        Access.run();
        Versions.run();
        Judge.client.shutdown();
    }
}
